/** The schema of the settings of a stack on a droplet behind a Cloudflare tunnel: every stack but `local`. */
import * as z from "zod";
import { parseCidr } from "./cidr.ts";
import {
  hostnamePatternParser,
  parseDomain,
  parseEmail,
  parseEmailDomain,
  parseHostnameLabel,
} from "./domains.ts";
import { parseSessionDuration } from "./durations.ts";
import { type Maintenance, parseMaintenance } from "./maintenance.ts";
import { parseVariables } from "./panel.ts";
import { parsePrivateKey, type SshKey } from "./private-key.ts";
import {
  listParsedBy,
  type Parser,
  parseBoolean,
  parseChoice,
  parseInteger,
  parsePattern,
  reads,
} from "./reading.ts";
import { parseRegion } from "./regions.ts";

/** A droplet's settings, typed, with defaults. */
export interface ProductionSettings {
  /** A zone at Cloudflare. */
  readonly domain: string;
  /** One DNS label with `{name}` in it, where a project's name is put. */
  readonly hostnamePattern: string;
  readonly panelHostname: string;
  readonly region: string;
  readonly size: string;
  readonly image: "ubuntu-24-04-x64" | "debian-12-x64";
  /** GiB. */
  readonly volumeSize: number;
  readonly volumeSnapshot?: string;
  readonly protectWorkspaces: boolean;
  readonly backups: boolean;
  /** GiB; 0 for none. */
  readonly swapSize: number;
  readonly dropletGeneration: string;
  /** When the droplet may reboot itself. */
  readonly maintenance?: Maintenance;
  /** Networks, `203.0.113.7/32`. */
  readonly sshAllow: readonly string[];
  readonly sshPrivateKey?: SshKey;
  readonly sshHostname?: string;
  readonly sshThrough: "address" | "tunnel";
  readonly accessEmails: readonly string[];
  readonly accessEmailDomains: readonly string[];
  /** In Go's form: `24h`. */
  readonly sessionDuration: string;
  readonly googleClientId?: string;
  readonly googleClientSecret?: string;
  readonly identityProviderIds: readonly string[];
  readonly oneTimePin: boolean;
  readonly panelEnvironment?: Readonly<Record<string, string>>;
}

/** Longest name that a project may have (PROJECT_NAME_PATTERN). */
const LONGEST_PROJECT_NAME = 32;
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

const readGeneration = parsePattern(
  /^[\w.-]{1,20}$/,
  "a word: at most 20 letters, digits, dots, hyphens and underscores",
);
const readSize = parsePattern(/^[a-z][a-z0-9_]*(-[a-z0-9_]+)+$/, "a droplet's size (e.g. s-4vcpu-8gb)");
const readUuid = (what: string) =>
  parsePattern(UUID, `${what}: it looks like 6ba7b810-9dad-41d1-80b4-00c04fd430c8`);

/** Both of these never quote what they were given: a secret may have been pasted there. */
const readGoogleId: Parser<string> = (text) =>
  /^[\w-]+\.apps\.googleusercontent\.com$/.test(text)
    ? text
    : { mistake: "is not a client ID of Google's, which ends in .apps.googleusercontent.com" };
const readGoogleSecret: Parser<string> = (text) =>
  /^[\w.~+/=-]{8,}$/.test(text) && !text.endsWith(".googleusercontent.com")
    ? text
    : { mistake: "is not a client secret of Google's, which begins with GOCSPX-" };

export const productionSchema = z.strictObject({
  domain: reads(parseDomain, "is missing: hostnames are made in a zone of your Cloudflare account").describe(
    "Domain of the hostnames, a zone of your Cloudflare account. Has no default.",
  ),
  hostnamePattern: reads(hostnamePatternParser(LONGEST_PROJECT_NAME))
    .prefault("{name}-code")
    .describe("What stands before the domain in a project's hostname; `{name}` is the project's name."),
  panelHostname: reads(parseHostnameLabel).prefault("code").describe("The same for the panel."),
  accessEmailDomains: listParsedBy(parseEmailDomain, "domain")
    .prefault("")
    .describe(
      "Domains of e-mail addresses, all of whose people Access lets in. This or `accessEmails` is needed.",
    ),
  accessEmails: listParsedBy(parseEmail, "address")
    .prefault("")
    .describe("People whom Access lets in, by e-mail address."),
  sessionDuration: reads(parseSessionDuration)
    .prefault("24h")
    .describe("How long somebody who has logged in stays so: hours and minutes (`1h30m`), from 15m to 730h."),
  googleClientId: reads(readGoogleId)
    .optional()
    .describe("OAuth client ID with which people log in by Google. Needs `googleClientSecret`."),
  googleClientSecret: reads(readGoogleSecret).optional().describe("Its secret; set it with `--secret`."),
  identityProviderIds: listParsedBy(readUuid("an identity provider's id"), "id")
    .prefault("")
    .describe("Ids of identity providers that your Zero Trust organisation has already."),
  oneTimePin: reads(parseBoolean)
    .optional()
    .describe(
      "Whether people may log in with a PIN sent by e-mail. By default only where there is no other way.",
    ),
  region: reads(parseRegion).prefault("fra1").describe("DigitalOcean's region of droplet and volume."),
  size: reads(readSize)
    .prefault("s-4vcpu-8gb")
    .describe("DigitalOcean's size of the droplet: processors, memory and price."),
  image: reads(parseChoice(["ubuntu-24-04-x64", "debian-12-x64"]))
    .prefault("ubuntu-24-04-x64")
    .describe("Operating system of the droplet: this or `debian-12-x64`."),
  volumeSize: reads(parseInteger("a volume's size in GiB", 1, 16384))
    .prefault("50")
    .describe("Size in GiB of the volume that holds the workspaces. It can grow, never shrink."),
  volumeSnapshot: reads(readUuid("a volume snapshot's id"))
    .optional()
    .describe("Id of a snapshot that the volume is made from when it is made."),
  protectWorkspaces: reads(parseBoolean)
    .prefault("true")
    .describe("Whether `destroy` refuses to delete the volume."),
  backups: reads(parseBoolean)
    .prefault("false")
    .describe("Whether DigitalOcean backs the droplet's own disk up weekly. The volume is not part of it."),
  swapSize: reads(parseInteger("an amount of swap in GiB", 0, 256))
    .optional()
    .describe(
      "Swap in GiB, for the memory of sleeping projects; 0 for none. By default four times the memory of a basic droplet (`s-…`), half that of another, at most 64.",
    ),
  dropletGeneration: reads(readGeneration)
    .prefault("1")
    .describe("Any word. Changing it replaces the droplet, for a change that a running one does not take."),
  maintenance: reads(parseMaintenance)
    .optional()
    .describe(
      "When the droplet may reboot itself if an upgrade wants it: `maintenance.window` (`03:00-05:00`), `maintenance.timezone` (`UTC`); set each with `--path`. By default never.",
    ),
  sshAllow: listParsedBy(parseCidr, "address")
    .prefault("")
    .describe("Addresses and networks that reach the droplet's SSH port. Empty: none does."),
  sshHostname: reads(parseHostnameLabel)
    .optional()
    .describe(
      "What stands before the domain in a hostname for SSH through the tunnel, behind Access (e.g. `ssh-code`).",
    ),
  sshThrough: reads(parseChoice(["address", "tunnel"]))
    .prefault("address")
    .describe(
      "How updates reach the droplet: by its address, or through `tunnel`, which needs `sshHostname`.",
    ),
  sshPrivateKey: reads(parsePrivateKey)
    .optional()
    .describe(
      "Private key of the platform, without a passphrase; set it with `--secret`. By default one is made.",
    ),
  panelEnvironment: reads(parseVariables)
    .optional()
    .describe(
      "What updates by the droplet's panel need in their environment, NAME=value on a line each; set it with `--secret`.",
    ),
});

/** The settings that are valid by themselves. */
export type PartialSettings = Partial<z.output<typeof productionSchema>>;
