import type { SettingsContext } from "../../../config/stack/settings.ts";

/** Invalid settings of a stack on a droplet, and their problems. */
export interface BrokenSettings {
  readonly title: string;
  /** Differences from valid settings; undefined removes one. */
  readonly settings: Readonly<Record<string, string | undefined>>;
  readonly context?: Partial<SettingsContext>;
  readonly messages: readonly string[];
}

export const brokenSettings: readonly BrokenSettings[] = [
  {
    title: "nothing at all",
    settings: { domain: undefined, accessEmailDomains: undefined, sshAllow: undefined },
    context: { tokens: { digitalocean: false, cloudflare: false } },
    messages: [
      "digitalocean:token: is required (or DIGITALOCEAN_TOKEN in the environment): DigitalOcean needs a token — npm run pulumi -- config set --secret digitalocean:token --stack prod (or set DIGITALOCEAN_TOKEN)",
      "cloudflare:apiToken: is required (or CLOUDFLARE_API_TOKEN in the environment): Cloudflare needs a token — npm run pulumi -- config set --secret cloudflare:apiToken --stack prod (or set CLOUDFLARE_API_TOKEN)",
      'opencode-platform:domain: is missing: hostnames are made in a zone of your Cloudflare account — npm run pulumi -- config set opencode-platform:domain "<domain>" --stack prod',
      'opencode-platform:accessEmailDomains: is empty, and so is accessEmails: nobody could log in — npm run pulumi -- config set opencode-platform:accessEmailDomains "<domain>" --stack prod (or opencode-platform:accessEmails)',
      'opencode-platform:sshAllow: is empty: updates could not reach the droplet — npm run pulumi -- config set opencode-platform:sshAllow "<your address>" --stack prod; once the tunnel exists, opencode-platform:sshHostname and opencode-platform:sshThrough can route updates through it',
    ],
  },
  {
    title: "one of two tokens",
    settings: {},
    context: { tokens: { digitalocean: true, cloudflare: false } },
    messages: [
      "cloudflare:apiToken: is required (or CLOUDFLARE_API_TOKEN in the environment): Cloudflare needs a token — npm run pulumi -- config set --secret cloudflare:apiToken --stack prod (or set CLOUDFLARE_API_TOKEN)",
    ],
  },
  {
    title: "a stack with an invalid droplet name",
    settings: {},
    context: { stack: "Prod_1" },
    messages: [
      "stack Prod_1: is not a valid stack name: at most 30 lower-case letters, digits and hyphens — npm run pulumi -- stack rename <name> --stack Prod_1",
    ],
  },
  {
    title: "a misspelt setting",
    settings: { regoin: "fra1" },
    messages: [
      "opencode-platform:regoin: is not a setting; did you mean region? — npm run pulumi -- config rm opencode-platform:regoin --stack prod",
    ],
  },
  {
    title: "settings of the stack local",
    settings: { workspacesDir: "/srv", dockerSocket: "/run/docker.sock" },
    messages: [
      "opencode-platform:workspacesDir: is only for the stack local — npm run pulumi -- config rm opencode-platform:workspacesDir --stack prod",
      "opencode-platform:dockerSocket: is only for the stack local — npm run pulumi -- config rm opencode-platform:dockerSocket --stack prod",
    ],
  },
  {
    title: "a setting of every stack",
    settings: { port: "99999" },
    messages: [
      'opencode-platform:port: "99999" is not a port: a whole number from 1 to 65535 — npm run pulumi -- config set opencode-platform:port 4080 --stack prod',
    ],
  },
  {
    title: "a URL for a domain",
    settings: { domain: "https://Example.com/projects" },
    messages: [
      'opencode-platform:domain: "https://Example.com/projects" is a URL, not a domain — npm run pulumi -- config set opencode-platform:domain example.com --stack prod',
    ],
  },
  {
    title: "an e-mail address for a domain",
    settings: { domain: "dev@example.com" },
    messages: [
      'opencode-platform:domain: "dev@example.com" is an e-mail address, not a domain — npm run pulumi -- config set opencode-platform:domain example.com --stack prod',
    ],
  },
  {
    title: "an IP address for a domain",
    settings: { domain: "203.0.113.7" },
    messages: [
      'opencode-platform:domain: "203.0.113.7" is an IP address, not a domain — npm run pulumi -- config set opencode-platform:domain "<domain>" --stack prod',
    ],
  },
  {
    title: "an IPv6 address for a domain",
    settings: { domain: "[2001:db8::1]" },
    messages: [
      'opencode-platform:domain: "[2001:db8::1]" is an IP address, not a domain — npm run pulumi -- config set opencode-platform:domain "<domain>" --stack prod',
    ],
  },
  {
    title: "a domain with a final dot",
    settings: { domain: "example.com." },
    messages: [
      'opencode-platform:domain: "example.com." ends with a dot — npm run pulumi -- config set opencode-platform:domain example.com --stack prod',
    ],
  },
  {
    title: "a domain with a wildcard",
    settings: { domain: "*.example.com" },
    messages: [
      'opencode-platform:domain: "*.example.com" contains a wildcard — npm run pulumi -- config set opencode-platform:domain example.com --stack prod',
    ],
  },
  {
    title: "a domain with a port",
    settings: { domain: "example.com:443" },
    messages: [
      'opencode-platform:domain: "example.com:443" is not a domain: letters, digits and hyphens, with dots between (e.g. example.com) — npm run pulumi -- config set opencode-platform:domain example.com --stack prod',
    ],
  },
  {
    title: "a domain in capitals",
    settings: { domain: "Example.COM" },
    messages: [
      'opencode-platform:domain: "Example.COM" contains upper-case letters — npm run pulumi -- config set opencode-platform:domain example.com --stack prod',
    ],
  },
  {
    title: "a domain that is not in punycode",
    settings: { domain: "münchen.example" },
    messages: [
      'opencode-platform:domain: "münchen.example" is not in punycode (xn--…) — npm run pulumi -- config set opencode-platform:domain xn--mnchen-3ya.example --stack prod',
    ],
  },
  {
    title: "a single label for a domain",
    settings: { domain: "example" },
    messages: [
      'opencode-platform:domain: "example" is not a domain: it has no dot (e.g. example.com) — npm run pulumi -- config set opencode-platform:domain "<domain>" --stack prod',
    ],
  },
  {
    title: "a public suffix",
    settings: { domain: "co.uk" },
    messages: [
      'opencode-platform:domain: "co.uk" is a public suffix: use your own domain — npm run pulumi -- config set opencode-platform:domain "<domain>" --stack prod',
    ],
  },
  {
    title: "a domain with a space",
    settings: { domain: "my example.com" },
    messages: [
      'opencode-platform:domain: "my example.com" is not a domain: letters, digits and hyphens, with dots between (e.g. example.com) — npm run pulumi -- config set opencode-platform:domain "<domain>" --stack prod',
    ],
  },
  {
    title: "a domain with an underscore",
    settings: { domain: "my_example.com" },
    messages: [
      'opencode-platform:domain: "my_example.com" is not a domain: letters, digits and hyphens, with dots between (e.g. example.com) — npm run pulumi -- config set opencode-platform:domain "<domain>" --stack prod',
    ],
  },
  {
    title: "a domain too long for names before it",
    settings: {
      domain:
        "abcdefgh.abcdefgh.abcdefgh.abcdefgh.abcdefgh.abcdefgh.abcdefgh.abcdefgh.abcdefgh.abcdefgh.abcdefgh.abcdefgh.abcdefgh.abcdefgh.abcdefgh.abcdefgh.abcdefgh.abcdefgh.abcdefgh.abcdefgh.abcdefgh.abcdefgh.abcdefgh.abcdefgh.abcdefgh.com",
    },
    messages: [
      'opencode-platform:domain: "abcdefgh.abcdefgh.abcdefgh.abcdefgh.abcdefgh.abcdefgh.abc…" is too long to add a label: 189 characters at most — npm run pulumi -- config set opencode-platform:domain "<domain>" --stack prod',
    ],
  },
  {
    title: "an empty domain",
    settings: { domain: "" },
    messages: [
      'opencode-platform:domain: is empty — npm run pulumi -- config set opencode-platform:domain "<domain>" --stack prod',
    ],
  },
  {
    title: "a pattern without {name}",
    settings: { hostnamePattern: "code" },
    messages: [
      'opencode-platform:hostnamePattern: "code" does not contain {name}, which stands for the project\'s name — npm run pulumi -- config set opencode-platform:hostnamePattern "{name}-code" --stack prod',
    ],
  },
  {
    title: "a pattern with {name} twice",
    settings: { hostnamePattern: "{name}-{name}" },
    messages: [
      'opencode-platform:hostnamePattern: "{name}-{name}" contains {name} more than once, which stands for the project\'s name — npm run pulumi -- config set opencode-platform:hostnamePattern "{name}-code" --stack prod',
    ],
  },
  {
    title: "a pattern of two labels",
    settings: { hostnamePattern: "{name}.code" },
    messages: [
      'opencode-platform:hostnamePattern: "{name}.code" contains a dot: it must be a single label, because the certificate covers one level below the domain — npm run pulumi -- config set opencode-platform:hostnamePattern "{name}-code" --stack prod',
    ],
  },
  {
    title: "a pattern that leaves no room for a name",
    settings: { hostnamePattern: "{name}xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx" },
    messages: [
      'opencode-platform:hostnamePattern: "{name}xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx" is too long for a project name of 32 characters: at most 31 other characters — npm run pulumi -- config set opencode-platform:hostnamePattern "{name}-code" --stack prod',
    ],
  },
  {
    title: "a pattern that begins with a hyphen",
    settings: { hostnamePattern: "-{name}" },
    messages: [
      'opencode-platform:hostnamePattern: "-{name}" is not a hostname label: at most 63 lower-case letters, digits and hyphens, not starting or ending with a hyphen — npm run pulumi -- config set opencode-platform:hostnamePattern "{name}-code" --stack prod',
    ],
  },
  {
    title: "a pattern that browsers would decode",
    settings: { hostnamePattern: "xn--{name}" },
    messages: [
      'opencode-platform:hostnamePattern: "xn--{name}" is not a hostname label: at most 63 lower-case letters, digits and hyphens, not starting or ending with a hyphen — npm run pulumi -- config set opencode-platform:hostnamePattern "{name}-code" --stack prod',
    ],
  },
  {
    title: "a panel at a whole hostname",
    settings: { panelHostname: "Panel.example.com" },
    messages: [
      'opencode-platform:panelHostname: "Panel.example.com" contains a dot: it must be a single label, because the certificate covers one level below the domain — npm run pulumi -- config set opencode-platform:panelHostname panel --stack prod',
    ],
  },
  {
    title: "a panel in capitals",
    settings: { panelHostname: "Panel" },
    messages: [
      'opencode-platform:panelHostname: "Panel" is not a hostname label: at most 63 lower-case letters, digits and hyphens, not starting or ending with a hyphen — npm run pulumi -- config set opencode-platform:panelHostname panel --stack prod',
    ],
  },
  {
    title: "a city for a region",
    settings: { region: "Frankfurt" },
    messages: [
      'opencode-platform:region: "Frankfurt" is not a region with volumes; did you mean fra1? There are ams3, atl1, blr1, fra1, lon1, mkc1, nyc1, nyc2, nyc3, ric1, sfo2, sfo3, sgp1, syd1, tor1 — npm run pulumi -- config set opencode-platform:region fra1 --stack prod',
    ],
  },
  {
    title: "a region without its number",
    settings: { region: "fra" },
    messages: [
      'opencode-platform:region: "fra" is not a region with volumes; did you mean fra1? There are ams3, atl1, blr1, fra1, lon1, mkc1, nyc1, nyc2, nyc3, ric1, sfo2, sfo3, sgp1, syd1, tor1 — npm run pulumi -- config set opencode-platform:region fra1 --stack prod',
    ],
  },
  {
    title: "a region of another cloud",
    settings: { region: "eu-central-1" },
    messages: [
      'opencode-platform:region: "eu-central-1" is not a region with volumes; there are ams3, atl1, blr1, fra1, lon1, mkc1, nyc1, nyc2, nyc3, ric1, sfo2, sfo3, sgp1, syd1, tor1 — npm run pulumi -- config set opencode-platform:region fra1 --stack prod',
    ],
  },
  {
    title: "a size in DigitalOcean's old form",
    settings: { size: "8gb" },
    messages: [
      'opencode-platform:size: "8gb" is not a droplet\'s size (e.g. s-4vcpu-8gb) — npm run pulumi -- config set opencode-platform:size s-4vcpu-8gb --stack prod',
    ],
  },
  {
    title: "a size in capitals",
    settings: { size: "G-2vcpu-8gb" },
    messages: [
      'opencode-platform:size: "G-2vcpu-8gb" is not a droplet\'s size (e.g. s-4vcpu-8gb) — npm run pulumi -- config set opencode-platform:size g-2vcpu-8gb --stack prod',
    ],
  },
  {
    title: "another image",
    settings: { image: "ubuntu-22-04-x64" },
    messages: [
      'opencode-platform:image: "ubuntu-22-04-x64" is not ubuntu-24-04-x64 or debian-12-x64 — npm run pulumi -- config set opencode-platform:image ubuntu-24-04-x64 --stack prod',
    ],
  },
  {
    title: "sizes that are not whole numbers in range",
    settings: { volumeSize: "100GiB", swapSize: "512" },
    messages: [
      'opencode-platform:volumeSize: "100GiB" is not a volume\'s size in GiB: a whole number from 1 to 16384 — npm run pulumi -- config set opencode-platform:volumeSize 100 --stack prod',
      'opencode-platform:swapSize: "512" is not an amount of swap in GiB: a whole number from 0 to 256 — npm run pulumi -- config set opencode-platform:swapSize 8 --stack prod',
    ],
  },
  {
    title: "a droplet snapshot's id for a volume snapshot's",
    settings: { volumeSnapshot: "12345678" },
    messages: [
      'opencode-platform:volumeSnapshot: "12345678" is not a volume snapshot\'s id: it looks like 6ba7b810-9dad-41d1-80b4-00c04fd430c8 — npm run pulumi -- config set opencode-platform:volumeSnapshot "<id>" --stack prod',
    ],
  },
  {
    title: "invalid booleans",
    settings: { backups: "yes", protectWorkspaces: "True" },
    messages: [
      'opencode-platform:protectWorkspaces: "True" is not true or false — npm run pulumi -- config set opencode-platform:protectWorkspaces true --stack prod',
      'opencode-platform:backups: "yes" is not true or false — npm run pulumi -- config set opencode-platform:backups false --stack prod',
    ],
  },
  {
    title: "a generation of several words",
    settings: { dropletGeneration: "second one" },
    messages: [
      'opencode-platform:dropletGeneration: "second one" is not a word: at most 20 letters, digits, dots, hyphens and underscores — npm run pulumi -- config set opencode-platform:dropletGeneration 1 --stack prod',
    ],
  },
  {
    title: "SSH from everybody",
    settings: { sshAllow: "0.0.0.0/0, ::/0" },
    messages: [
      'opencode-platform:sshAllow: "0.0.0.0/0" is the whole internet: list the addresses you connect from — npm run pulumi -- config set opencode-platform:sshAllow "<address>,<address>" --stack prod',
      'opencode-platform:sshAllow: "::/0" is the whole internet: list the addresses you connect from — npm run pulumi -- config set opencode-platform:sshAllow "<address>,<address>" --stack prod',
    ],
  },
  {
    title: "SSH from half of the internet",
    settings: { sshAllow: "0.0.0.0/1,128.0.0.0/1" },
    messages: [
      'opencode-platform:sshAllow: "0.0.0.0/1" is a large part of the internet: list the addresses you connect from — npm run pulumi -- config set opencode-platform:sshAllow "<address>,<address>" --stack prod',
      'opencode-platform:sshAllow: "128.0.0.0/1" is a large part of the internet: list the addresses you connect from — npm run pulumi -- config set opencode-platform:sshAllow "<address>,<address>" --stack prod',
    ],
  },
  {
    title: "SSH from an address within a network",
    settings: { sshAllow: "198.51.100.4,203.0.113.7/24" },
    messages: [
      'opencode-platform:sshAllow: "203.0.113.7/24" has host bits set: use 203.0.113.7/32 for that address, or 203.0.113.0/24 for the network — npm run pulumi -- config set opencode-platform:sshAllow 198.51.100.4/32,203.0.113.7/32 --stack prod',
    ],
  },
  {
    title: "SSH from an IPv6 address within a network",
    settings: { sshAllow: "203.0.113.7,2001:db8::1/64" },
    messages: [
      'opencode-platform:sshAllow: "2001:db8::1/64" has host bits set: use 2001:db8::1/128 for that address, or 2001:db8::/64 for the network — npm run pulumi -- config set opencode-platform:sshAllow 203.0.113.7/32,2001:db8::1/128 --stack prod',
    ],
  },
  {
    title: "SSH from a name",
    settings: { sshAllow: "203.0.113.7 office.example.com" },
    messages: [
      'opencode-platform:sshAllow: "office.example.com" is a hostname; the firewall needs addresses (e.g. 203.0.113.7 or 203.0.113.0/24) — npm run pulumi -- config set opencode-platform:sshAllow "203.0.113.7/32,<address>" --stack prod',
    ],
  },
  {
    title: "SSH from a network too small to be one",
    settings: { sshAllow: "203.0.113.7/33" },
    messages: [
      'opencode-platform:sshAllow: "203.0.113.7/33" is not a network: the prefix length must be 0 to 32 — npm run pulumi -- config set opencode-platform:sshAllow "<address>" --stack prod',
    ],
  },
  {
    title: "SSH from an invalid list",
    settings: { sshAllow: '{ "office": "203.0.113.7" }' },
    messages: [
      'opencode-platform:sshAllow: must be a list: separate items with commas — npm run pulumi -- config set opencode-platform:sshAllow "<address>" --stack prod',
    ],
  },
  {
    title: "SSH from nowhere",
    settings: { sshAllow: "" },
    messages: [
      'opencode-platform:sshAllow: is empty: updates could not reach the droplet — npm run pulumi -- config set opencode-platform:sshAllow "<your address>" --stack prod; once the tunnel exists, opencode-platform:sshHostname and opencode-platform:sshThrough can route updates through it',
    ],
  },
  {
    title: "SSH from nowhere, with a hostname of the tunnel",
    settings: { sshAllow: "[]", sshHostname: "ssh-code" },
    messages: [
      'opencode-platform:sshAllow: is empty: updates could not reach the droplet — npm run pulumi -- config set opencode-platform:sshAllow "<your address>" --stack prod; once the tunnel exists, opencode-platform:sshThrough can route updates through it',
    ],
  },
  {
    title: "SSH from IPv6 only",
    settings: { sshAllow: "2001:db8::/32" },
    messages: [
      'opencode-platform:sshAllow: has no IPv4 address, and the droplet has only IPv4: updates could not reach the droplet — npm run pulumi -- config set opencode-platform:sshAllow "<your address>" --stack prod; once the tunnel exists, opencode-platform:sshHostname and opencode-platform:sshThrough can route updates through it',
    ],
  },
  {
    title: "SSH through a tunnel without a hostname",
    settings: { sshThrough: "tunnel" },
    messages: [
      "opencode-platform:sshHostname: is missing: sshThrough is tunnel — npm run pulumi -- config set opencode-platform:sshHostname ssh-code --stack prod",
    ],
  },
  {
    title: "SSH through something else",
    settings: { sshThrough: "tunel" },
    messages: [
      'opencode-platform:sshThrough: "tunel" is not address or tunnel — npm run pulumi -- config set opencode-platform:sshThrough tunnel --stack prod',
    ],
  },
  {
    title: "SSH at the panel's hostname",
    settings: { sshHostname: "code" },
    messages: [
      'opencode-platform:sshHostname: "code" is already the panel\'s hostname — npm run pulumi -- config set opencode-platform:sshHostname ssh-code --stack prod',
    ],
  },
  {
    title: "a public e-mail domain",
    settings: { accessEmailDomains: "example.com,gmail.com" },
    messages: [
      'opencode-platform:accessEmailDomains: "gmail.com" is a public e-mail provider and would admit anyone: list people in accessEmails instead — npm run pulumi -- config set opencode-platform:accessEmailDomains "example.com,<domain>" --stack prod',
    ],
  },
  {
    title: "a country's public e-mail domain",
    settings: { accessEmailDomains: "yahoo.co.uk" },
    messages: [
      'opencode-platform:accessEmailDomains: "yahoo.co.uk" is a public e-mail provider and would admit anyone: list people in accessEmails instead — npm run pulumi -- config set opencode-platform:accessEmailDomains "<domain>" --stack prod',
    ],
  },
  {
    title: "an address for an e-mail domain",
    settings: { accessEmailDomains: "dev@example.com" },
    messages: [
      'opencode-platform:accessEmailDomains: "dev@example.com" is an e-mail address, not a domain — npm run pulumi -- config set opencode-platform:accessEmailDomains example.com --stack prod',
    ],
  },
  {
    title: "no members",
    settings: { accessEmailDomains: "" },
    messages: [
      'opencode-platform:accessEmailDomains: is empty, and so is accessEmails: nobody could log in — npm run pulumi -- config set opencode-platform:accessEmailDomains "<domain>" --stack prod (or opencode-platform:accessEmails)',
    ],
  },
  {
    title: "a domain for an e-mail address",
    settings: { accessEmails: "@example.com" },
    messages: [
      'opencode-platform:accessEmails: "@example.com" is a domain: use accessEmailDomains to admit a whole domain — npm run pulumi -- config set opencode-platform:accessEmails "<address>" --stack prod',
    ],
  },
  {
    title: "an address in angle brackets",
    settings: { accessEmails: "<Dev@example.com>" },
    messages: [
      'opencode-platform:accessEmails: "<Dev@example.com>" is more than an e-mail address — npm run pulumi -- config set opencode-platform:accessEmails dev@example.com --stack prod',
    ],
  },
  {
    title: "no e-mail address",
    settings: { accessEmails: '["dev@example.com","dev"]' },
    messages: [
      'opencode-platform:accessEmails: "dev" is not an e-mail address (e.g. dev@example.com) — npm run pulumi -- config set opencode-platform:accessEmails "dev@example.com,<address>" --stack prod',
    ],
  },
  {
    title: "a session in days",
    settings: { sessionDuration: "7d" },
    messages: [
      'opencode-platform:sessionDuration: "7d" is not a duration (e.g. 24h, 1h30m; h is the largest unit) — npm run pulumi -- config set opencode-platform:sessionDuration 168h --stack prod',
    ],
  },
  {
    title: "a session of a year",
    settings: { sessionDuration: "8760h" },
    messages: [
      'opencode-platform:sessionDuration: "8760h" is longer than Access allows: at most 730h — npm run pulumi -- config set opencode-platform:sessionDuration 730h --stack prod',
    ],
  },
  {
    title: "a session of a minute",
    settings: { sessionDuration: "1m" },
    messages: [
      'opencode-platform:sessionDuration: "1m" is too short: at least 15m — npm run pulumi -- config set opencode-platform:sessionDuration 15m --stack prod',
    ],
  },
  {
    title: "an invalid session duration",
    settings: { sessionDuration: "PT1H" },
    messages: [
      'opencode-platform:sessionDuration: "PT1H" is not a duration (e.g. 24h, 1h30m; h is the largest unit) — npm run pulumi -- config set opencode-platform:sessionDuration 24h --stack prod',
    ],
  },
  {
    title: "Google's client ID only",
    settings: { googleClientId: "1-a.apps.googleusercontent.com" },
    messages: [
      "opencode-platform:googleClientSecret: is missing: googleClientId needs it — npm run pulumi -- config set --secret opencode-platform:googleClientSecret --stack prod",
    ],
  },
  {
    title: "Google's client secret only",
    settings: { googleClientSecret: "GOCSPX-0123456789" },
    messages: [
      'opencode-platform:googleClientId: is missing: googleClientSecret needs it — npm run pulumi -- config set opencode-platform:googleClientId "<id>.apps.googleusercontent.com" --stack prod',
    ],
  },
  {
    title: "Google's client ID and secret swapped",
    settings: { googleClientId: "GOCSPX-0123456789", googleClientSecret: "1-a.apps.googleusercontent.com" },
    messages: [
      'opencode-platform:googleClientId: is not a client ID of Google\'s, which ends in .apps.googleusercontent.com — npm run pulumi -- config set opencode-platform:googleClientId "<id>.apps.googleusercontent.com" --stack prod',
      "opencode-platform:googleClientSecret: is not a client secret of Google's, which begins with GOCSPX- — npm run pulumi -- config set --secret opencode-platform:googleClientSecret --stack prod",
    ],
  },
  {
    title: "a provider's name for its id",
    settings: { identityProviderIds: "google" },
    messages: [
      'opencode-platform:identityProviderIds: "google" is not an identity provider\'s id: it looks like 6ba7b810-9dad-41d1-80b4-00c04fd430c8 — npm run pulumi -- config set opencode-platform:identityProviderIds "<id>" --stack prod',
    ],
  },
  {
    title: "no way to log in",
    settings: { oneTimePin: "false" },
    messages: [
      "opencode-platform:oneTimePin: is false, and no other login is configured (googleClientId or identityProviderIds) — npm run pulumi -- config set opencode-platform:oneTimePin true --stack prod",
    ],
  },
  {
    title: "secrets in plain text",
    settings: { googleClientId: "1-a.apps.googleusercontent.com", googleClientSecret: "GOCSPX-0123456789" },
    context: {
      plain: new Set([
        "opencode-platform:googleClientSecret",
        "opencode-platform:googleClientId",
        "digitalocean:token",
        "cloudflare:apiToken",
      ]),
    },
    messages: [
      "opencode-platform:googleClientSecret: is in plain text — revoke it at its issuer, then: npm run pulumi -- config set --secret opencode-platform:googleClientSecret --stack prod",
      "digitalocean:token: is in plain text — revoke it at its issuer, then: npm run pulumi -- config set --secret digitalocean:token --stack prod",
      "cloudflare:apiToken: is in plain text — revoke it at its issuer, then: npm run pulumi -- config set --secret cloudflare:apiToken --stack prod",
    ],
  },
  {
    title: "an invalid key",
    settings: { sshPrivateKey: "hunter2" },
    messages: [
      "opencode-platform:sshPrivateKey: is not a private key: it begins with -----BEGIN OPENSSH PRIVATE KEY----- — npm run pulumi -- config set --secret opencode-platform:sshPrivateKey --stack prod < <file of the key>",
    ],
  },
  {
    title: "a public key",
    settings: { sshPrivateKey: "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJtT me@example.com" },
    messages: [
      "opencode-platform:sshPrivateKey: is a public key: use the private key (the file without .pub) — npm run pulumi -- config set --secret opencode-platform:sshPrivateKey --stack prod < <file of the key>",
    ],
  },
  {
    title: "a PuTTY key",
    settings: { sshPrivateKey: "PuTTY-User-Key-File-3: ssh-ed25519\nEncryption: none" },
    messages: [
      "opencode-platform:sshPrivateKey: is in PuTTY format: convert it (puttygen key.ppk -O private-openssh -o key) — npm run pulumi -- config set --secret opencode-platform:sshPrivateKey --stack prod < <file of the key>",
    ],
  },
  {
    title: "a truncated key",
    settings: {
      sshPrivateKey:
        "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAA\n-----END OPENSSH PRIVATE KEY-----",
    },
    messages: [
      "opencode-platform:sshPrivateKey: is not a valid private key: set it from the file so that no line is lost — npm run pulumi -- config set --secret opencode-platform:sshPrivateKey --stack prod < <file of the key>",
    ],
  },
  {
    title: "a key with a passphrase",
    settings: {
      sshPrivateKey:
        "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\nAAAA\n-----END RSA PRIVATE KEY-----",
    },
    messages: [
      "opencode-platform:sshPrivateKey: has a passphrase, which cannot be entered here: remove it from a copy (ssh-keygen -p -N '' -f <copy>) — npm run pulumi -- config set --secret opencode-platform:sshPrivateKey --stack prod < <file of the key>",
    ],
  },
  {
    title: "everything at once",
    settings: {
      domain: "example.com.",
      region: "fra",
      sshThrough: "tunnel",
      accessEmailDomains: "",
      googleClientId: "1-a.apps.googleusercontent.com",
      backups: "no",
    },
    context: { tokens: { digitalocean: false, cloudflare: true } },
    messages: [
      "digitalocean:token: is required (or DIGITALOCEAN_TOKEN in the environment): DigitalOcean needs a token — npm run pulumi -- config set --secret digitalocean:token --stack prod (or set DIGITALOCEAN_TOKEN)",
      'opencode-platform:domain: "example.com." ends with a dot — npm run pulumi -- config set opencode-platform:domain example.com --stack prod',
      'opencode-platform:region: "fra" is not a region with volumes; did you mean fra1? There are ams3, atl1, blr1, fra1, lon1, mkc1, nyc1, nyc2, nyc3, ric1, sfo2, sfo3, sgp1, syd1, tor1 — npm run pulumi -- config set opencode-platform:region fra1 --stack prod',
      'opencode-platform:backups: "no" is not true or false — npm run pulumi -- config set opencode-platform:backups false --stack prod',
      'opencode-platform:accessEmailDomains: is empty, and so is accessEmails: nobody could log in — npm run pulumi -- config set opencode-platform:accessEmailDomains "<domain>" --stack prod (or opencode-platform:accessEmails)',
      "opencode-platform:googleClientSecret: is missing: googleClientId needs it — npm run pulumi -- config set --secret opencode-platform:googleClientSecret --stack prod",
      "opencode-platform:sshHostname: is missing: sshThrough is tunnel — npm run pulumi -- config set opencode-platform:sshHostname ssh-code --stack prod",
    ],
  },
];
