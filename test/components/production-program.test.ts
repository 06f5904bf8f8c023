/** The whole program for a stack on a droplet, with an engine that only notes what it is asked for. */
import { createHash } from "node:crypto";
import { existsSync, rmSync } from "node:fs";
import { delimiter, join } from "node:path";
import * as pulumi from "@pulumi/pulumi";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { LANGUAGE_HOST } from "../../config/stack/stand-ins.ts";
import { BASE_IMAGE, CLOUDFLARED_IMAGE, TRAEFIK_IMAGE, withDigest } from "../../config/versions.ts";

type Props = Record<string, unknown>;
interface Made {
  type: string;
  name: string;
  inputs: Props;
}

/** Marks a value as a secret on its way to the engine. */
const SIGNATURE = "4dabf18193072939515e22adb298388d";
const ROOT = join(import.meta.dirname, "../..");
const STACK = "unit-test-prod";
const TOKEN = "eyJhIjoidHVubmVsIHRva2VuIn0=";
const PASSPHRASE = "it's the passphrase";
const CLIENT_SECRET = "GOCSPX-google-client-secret";

const made: Made[] = [];
let outputs: Props = {};

const computed: Record<string, (made: Made) => Props> = {
  "random:index/randomId:RandomId": () => ({ hex: "c0ffee" }),
  "random:index/randomPassword:RandomPassword": () => ({ result: "a password" }),
  "tls:index/privateKey:PrivateKey": () => ({
    privateKeyOpenssh: "the private key\n",
    publicKeyOpenssh: "ssh-ed25519 AAAAown\n",
  }),
  "command:local:Command": () => ({ stdout: "ssh-ed25519 AAAAhost" }),
  "digitalocean:index/droplet:Droplet": ({ inputs }) => ({
    ipv4Address: "203.0.113.7",
    dropletUrn: "do:droplet:4711",
    userData: createHash("sha1").update(String(inputs.userData)).digest("hex"),
  }),
  "digitalocean:index/volume:Volume": () => ({ volumeUrn: "do:volume:v" }),
  "digitalocean:index/spacesKey:SpacesKey": () => ({
    accessKey: "DO00ONE",
    secretKey: "one bucket's secret",
  }),
  "cloudflare:index/zeroTrustAccessApplication:ZeroTrustAccessApplication": ({ name }) => ({
    aud: `audience of ${name}`,
  }),
  "cloudflare:index/zeroTrustAccessServiceToken:ZeroTrustAccessServiceToken": () => ({
    clientId: "id.access",
    clientSecret: "the service token's secret",
  }),
};

const answers: Record<string, Props> = {
  "cloudflare:index/getZone:getZone": { zoneId: "zone", account: { id: "account", name: "A" } },
  "cloudflare:index/getZeroTrustOrganization:getZeroTrustOrganization": {
    authDomain: "acme.cloudflareaccess.com",
  },
  "cloudflare:index/getZeroTrustAccessIdentityProviders:getZeroTrustAccessIdentityProviders": { results: [] },
  "cloudflare:index/getZeroTrustTunnelCloudflaredToken:getZeroTrustTunnelCloudflaredToken": { token: TOKEN },
};

beforeAll(async () => {
  // Whatever plugins this machine has: nothing is asked of any here.
  vi.stubEnv("PULUMI_HOME", join(ROOT, ".runtime", STACK));
  vi.stubEnv("PATH", withoutPlugins(process.env.PATH ?? ""));
  pulumi.runtime.setAllConfig(
    {
      "digitalocean:token": "do-token",
      "digitalocean:spacesAccessId": "DO00ALL",
      "digitalocean:spacesSecretKey": "all-spaces",
      "cloudflare:apiToken": "cf-token",
      "opencode-platform:backup": JSON.stringify({ to: "spaces", every: "12h" }),
      "opencode-platform:domain": "example.com",
      "opencode-platform:accessEmailDomains": "example.com",
      "opencode-platform:sshAllow": "198.51.100.4",
      "opencode-platform:sshHostname": "ssh-code",
      "opencode-platform:maintenance": JSON.stringify({ window: "23:30-01:00", timezone: "Europe/Berlin" }),
      "opencode-platform:googleClientId": "1-a.apps.googleusercontent.com",
      "opencode-platform:googleClientSecret": CLIENT_SECRET,
      "opencode-platform:panel": JSON.stringify({
        enabled: true,
        apply: "here",
        admins: ["ann@partner.example"],
        git: {
          remote: "git@git.example:acme/platform.git",
          knownHosts: ["git.example ssh-ed25519 AAAA"],
        },
      }),
      "opencode-platform:panelEnvironment": `PULUMI_CONFIG_PASSPHRASE=${PASSPHRASE}`,
    },
    ["opencode-platform:googleClientSecret", "opencode-platform:panelEnvironment"],
  );
  await pulumi.runtime.setMocks(
    {
      newResource(args) {
        made.push(args);
        const id = args.type.endsWith(":Droplet") ? "4711" : `${args.name}-id`;
        return { id, state: { ...args.inputs, ...computed[args.type]?.(args) } };
      },
      call: ({ token }) => answers[token] ?? {},
    },
    "opencode-platform",
    STACK,
    false,
    "acme",
  );
  outputs = (await import("../../index.ts")).default;
  await pulumi.runtime.disconnect();
});
afterAll(() => {
  vi.unstubAllEnvs();
  rmSync(join(ROOT, ".runtime", STACK), { recursive: true, force: true });
});

/** A PATH without the folders that have a language host. */
const withoutPlugins = (path: string): string =>
  path
    .split(delimiter)
    .filter((folder) => !existsSync(join(folder, LANGUAGE_HOST)))
    .join(delimiter);

/** Resources of a kind, ours that group them left out. */
const all = (kind: string) =>
  made.filter(({ type }) => type.endsWith(`:${kind}`) && !type.startsWith("opencode:"));
function only(type: string): Props {
  const [found, ...more] = all(type);
  if (!found || more.length > 0) throw new Error(`${more.length + 1} of ${type}`);
  return found.inputs;
}
const named = (type: string, name: string): Props => {
  const found = all(type).find((resource) => resource.name === name);
  if (!found) throw new Error(`no ${type} ${name}: ${all(type).map((resource) => resource.name)}`);
  return found.inputs;
};
/** What is in a secret on its way to the engine. */
function revealed<T>(value: unknown): T {
  if (typeof value !== "object" || value === null || !(SIGNATURE in value)) throw new Error("not a secret");
  return (value as unknown as { value: T }).value;
}

describe("a stack on a droplet", () => {
  it("makes one droplet behind a firewall that takes its tag, with a volume and a project", () => {
    expect(only("Droplet")).toMatchObject({
      name: `opencode-${STACK}`,
      image: "ubuntu-24-04-x64",
      region: "fra1",
      tags: [`opencode-${STACK}`],
      monitoring: true,
    });
    expect(only("Firewall")).toMatchObject({
      tags: [`opencode-${STACK}`],
      inboundRules: [{ protocol: "tcp", portRange: "22", sourceAddresses: ["198.51.100.4/32"] }],
    });
    expect(named("Volume", "workspaces")).toMatchObject({ size: 50 });
    expect(named("Volume", "workspaces")).not.toHaveProperty("initialFilesystemType");
    expect(only("VolumeAttachment")).toMatchObject({ dropletId: 4711, volumeId: "workspaces-id" });
    expect(only("Project")).toMatchObject({ resources: ["do:droplet:4711", "do:volume:v"] });
  });

  it("keeps every secret out of the user data", () => {
    const { userData } = only("Droplet");
    expect(typeof userData).toBe("string");
    for (const secret of ["the private key", TOKEN, CLIENT_SECRET, "do-token", "cf-token", PASSPHRASE])
      expect(userData).not.toContain(secret);
  });

  it("reaches Docker over ssh with the pinned key, whose files are there by then", () => {
    const name = `opencode-${STACK}`;
    const config = `.runtime/${STACK}/ssh/${name}/config`;
    expect(only("docker")).toMatchObject({
      host: `ssh://root@${name}`,
      sshOpts: JSON.stringify(["-F", config]),
    });
    expect(existsSync(join(ROOT, config))).toBe(true);
  });

  it("runs every command of the host but the first over that same ssh", () => {
    const here = /^host-key$|-revocation$/;
    const commands = all("Command").filter(({ name }) => !here.test(name));
    expect(commands.length).toBeGreaterThan(2);
    for (const { inputs } of commands)
      expect(inputs.create).toMatch(
        new RegExp(
          `^(for attempt in \\$\\(seq 30\\); do )?ssh -F \\.runtime/${STACK}/ssh/\\S+/config opencode-`,
        ),
      );
  });

  it("lets the droplet reboot in the window, without a change of its user data", () => {
    const { create, delete: remove } = named("Command", "maintenance");
    expect(create).toContain("OnCalendar=*-*-* 23:30:00 Europe/Berlin");
    expect(remove).toContain("systemctl disable --now opencode-reboot.timer");
    expect(only("Droplet").userData).not.toContain("opencode-reboot");
  });

  it("puts an application and a proxied record in front of each hostname", () => {
    const hostnames = ["code.example.com", "sandbox-code.example.com", "ssh-code.example.com"];
    expect(all("ZeroTrustAccessApplication").map(({ inputs }) => inputs.domain)).toEqual(
      expect.arrayContaining(hostnames),
    );
    const records = all("DnsRecord");
    expect(records.map(({ inputs }) => inputs.name)).toEqual(expect.arrayContaining(hostnames));
    expect(records).toHaveLength(all("ZeroTrustAccessApplication").length);
    for (const { inputs } of records)
      expect(inputs).toMatchObject({ type: "CNAME", content: "tunnel-id.cfargotunnel.com", proxied: true });
  });

  it("has the connector ask for a token of the hostname's own application, and answer 404 for the rest", () => {
    const { config } = only("ZeroTrustTunnelCloudflaredConfig") as { config: { ingresses: Props[] } };
    const rules = config.ingresses;
    expect(rules.at(-1)).toEqual({ service: "http_status:404" });
    expect(rules).toContainEqual({
      hostname: "ssh-code.example.com",
      service: "ssh://localhost:22",
      originRequest: {
        access: { required: true, teamName: "acme", audTags: ["audience of ssh-application"] },
      },
    });
    const audiences = rules
      .slice(0, -1)
      .map(
        (rule) => (rule as { originRequest: { access: { audTags: string[] } } }).originRequest.access.audTags,
      );
    expect(new Set(audiences.flat()).size).toBe(all("ZeroTrustAccessApplication").length);
  });

  it("lets people in by their domain, and CI by SSH with a token that passes nothing else", () => {
    expect(named("ZeroTrustAccessPolicy", "people")).toMatchObject({
      decision: "allow",
      includes: [{ emailDomain: { domain: "example.com" } }],
    });
    expect(named("ZeroTrustAccessPolicy", "machines")).toMatchObject({
      decision: "non_identity",
      name: `opencode-${STACK} machines for ci-ssh`,
      includes: [{ serviceToken: { tokenId: "service-token-id" } }],
    });
    expect(only("ZeroTrustAccessServiceToken")).toMatchObject({
      name: `opencode-${STACK} token for ci-ssh`,
      duration: "8760h",
    });
    const policies = (name: string) => named("ZeroTrustAccessApplication", name).policies;
    expect(policies("project-sandbox-application")).toEqual([{ id: "people-id", precedence: 1 }]);
    expect(policies("panel-application")).toEqual([{ id: "panel-application-people-id", precedence: 1 }]);
    expect(policies("ssh-application")).toEqual([{ id: "machines-id", precedence: 1 }]);
  });

  it("keeps people's tokens from scripts, and from requests of other sites' pages", () => {
    for (const { inputs } of all("ZeroTrustAccessApplication"))
      expect(inputs).toMatchObject({ httpOnlyCookieAttribute: true, sameSiteCookieAttribute: "lax" });
  });

  it("has sessions ended from here, with the token in no argument and not in the plain input", () => {
    const { create, stdin, environment } = named("Command", "project-sandbox-revocation");
    expect(create).toBe("node_modules/.bin/node components/edge/commands/revoke.ts");
    expect(JSON.parse(String(stdin))).toMatchObject({
      api: "https://api.cloudflare.com/client/v4",
      account: "account",
      application: "project-sandbox-application-id",
      admitted: ["@example.com"],
    });
    expect(revealed(environment)).toEqual({ CLOUDFLARE_API_TOKEN: "cf-token" });
    // The panel takes part; SSH is for machines alone.
    expect(JSON.parse(String(named("Command", "panel-revocation").stdin))).toMatchObject({
      application: "panel-application-id",
      admitted: expect.arrayContaining(["@example.com", "ann@partner.example"]),
    });
    expect(all("Command").map(({ name }) => name)).not.toContain("ssh-revocation");
  });

  it("takes every image of a registry by the digest that is pinned for it", () => {
    const { build } = named("Image", "image") as { build: { args: Record<string, string> } };
    const taken = [...all("RemoteImage").map(({ inputs }) => inputs.name), build.args.BASE_IMAGE];
    expect(taken.sort()).toEqual(
      [BASE_IMAGE, CLOUDFLARED_IMAGE, TRAEFIK_IMAGE].map((image) => withDigest(image)).sort(),
    );
    for (const image of taken) expect(image).toMatch(/@sha256:[0-9a-f]{64}$/);
  });

  it("fails where packet rules can't be put in force", () => {
    const { create } = named("Command", "packet-rules");
    expect(create).toContain("/usr/local/lib/opencode-platform/guard check >&2");
    expect(create).not.toContain("|| :");
  });

  it("logs people in with Google and keeps its secret", () => {
    const { config } = only("ZeroTrustAccessIdentityProvider");
    expect(revealed(config)).toEqual({
      clientId: "1-a.apps.googleusercontent.com",
      clientSecret: CLIENT_SECRET,
    });
  });

  it("gives the connector its token as a secret file, in no argument and no variable", () => {
    const connector = named("Container", "connector");
    expect(JSON.stringify([connector.command, connector.envs])).not.toContain(TOKEN);
    const [upload] = revealed<Props[]>(connector.uploads);
    expect(upload).toMatchObject({ file: "/etc/cloudflared/token", content: TOKEN, permissions: "0600" });
    expect(connector).toMatchObject({ networkMode: "host" });
  });

  it("gives the panel what an update needs as secret files, in no argument and no variable", () => {
    const { command, envs, uploads, networkMode, user } = named("Container", "panel");
    expect([command, networkMode, user]).toEqual([undefined, "host", "0:0"]);
    expect(envs).toEqual([
      "OPENCODE_PLATFORM_PANEL_AUDIENCE=audience of panel-application",
      "OPENCODE_PLATFORM_PANEL_HOSTNAME=code.example.com",
      "OPENCODE_PLATFORM_PANEL_PORT=4090",
      "OPENCODE_PLATFORM_PANEL_TEAM=acme",
      "PANEL_BRANCH=main",
      "PANEL_REPO=git@git.example:acme/platform.git",
      expect.stringMatching(new RegExp(`^PULUMI_STACK=acme/opencode-platform/${STACK}$`)),
    ]);
    const files = revealed<{ file: string; content: string; permissions: string }[]>(uploads);
    expect(files.map(({ file, permissions }) => [file, permissions])).toEqual([
      ["/run/panel/environment", "0600"],
      ["/run/panel/deploy_key", "0600"],
      ["/run/panel/known_hosts", "0600"],
    ]);
    expect(files[2]?.content).toBe("git.example ssh-ed25519 AAAA\n");
    expect(files[0]?.content).toBe("export PULUMI_CONFIG_PASSPHRASE='it'\\''s the passphrase'\n");
    expect(outputs.panelDeployKey).toBeDefined();
  });

  it("lets an admin from elsewhere in at the panel, and at nothing else", () => {
    expect(named("ZeroTrustAccessPolicy", "panel-application-people").includes).toEqual([
      { emailDomain: { domain: "example.com" } },
      { email: { email: "ann@partner.example" } },
    ]);
    const { policies } = named("ZeroTrustAccessApplication", "panel-application");
    expect(policies).toContainEqual({ id: "panel-application-people-id", precedence: 1 });
  });

  it("gives the storage container what backups need in files of root's, and has the droplet ask for them", () => {
    const storage = all("Container").find(({ name }) => name === "storage");
    expect(storage?.inputs.volumes).toContainEqual({
      hostPath: "/var/lib/opencode-platform/backup",
      containerPath: "/run/storage/backup",
      readOnly: true,
    });
    const bucket = "opencode-unit-test-prod-backups-c0ffee";
    expect(JSON.stringify(storage?.inputs.envs)).toContain(
      `s3:https://fra1.digitaloceanspaces.com/${bucket}`,
    );
    expect(JSON.stringify(storage?.inputs)).not.toContain("one bucket's secret");
    const command = (name: string) => all("Command").find((each) => each.name === name)?.inputs;
    expect(JSON.stringify(command("backup-credentials")?.stdin)).toContain("one bucket's secret");
    expect(JSON.stringify(command("backup-credentials")?.stdin)).toContain(SIGNATURE);
    for (const name of ["backup-credentials", "backup-password", "backup-config-json", "backup-timer"])
      expect([name, JSON.stringify(command(name)?.create)]).toEqual([name, expect.stringMatching(/^"ssh /)]);
    expect(JSON.stringify(made)).not.toContain("all-spaces");
  });

  it("gives its secrets as secret outputs", async () => {
    for (const name of ["ssh", "serviceToken", "serviceTokens", "backupPassword"])
      expect(await pulumi.isSecret(outputs[name] as pulumi.Output<unknown>)).toBe(true);
  });
});
