import ssh2 from "ssh2";
import { describe, expect, it } from "vitest";
import { hostnameClashes } from "../../config/stack/production-rules.ts";
import { parseSettings, plainKeys, type SettingsContext, settingDocs } from "../../config/stack/settings.ts";
import { tokensPresent } from "../../config/stack/tokens.ts";
import { complaints } from "../support/complaints.ts";
import { brokenSettings } from "../support/config/production-broken.ts";

const TOKENS = { digitalocean: true, cloudflare: true };
/** The least that a stack on a droplet needs. */
const LEAST = { domain: "example.com", accessEmailDomains: "example.com", sshAllow: "203.0.113.7" };
const context = (more: Partial<SettingsContext> = {}) => ({ stack: "prod", tokens: TOKENS, ...more });
const parse = (raw: Readonly<Record<string, string | undefined>>, more: Partial<SettingsContext> = {}) =>
  parseSettings({ ...LEAST, ...raw }, context(more));

describe("settings of a stack on a droplet", () => {
  it("have defaults, and those of every stack beside them", () => {
    const { production, ...common } = parse({});
    expect(common).toMatchObject({ port: 4080, namePrefix: "opencode", passwordRotations: {} });
    expect(production).toEqual({
      domain: "example.com",
      hostnamePattern: "{name}-code",
      panelHostname: "code",
      accessEmailDomains: ["example.com"],
      accessEmails: [],
      sessionDuration: "24h",
      identityProviderIds: [],
      oneTimePin: true,
      region: "fra1",
      size: "s-4vcpu-8gb",
      image: "ubuntu-24-04-x64",
      volumeSize: 50,
      protectWorkspaces: true,
      backups: false,
      swapSize: 32,
      dropletGeneration: "1",
      sshAllow: ["203.0.113.7/32"],
      sshThrough: "address",
    });
  });

  it("are read, lists as a person or as Pulumi writes them", () => {
    const id = "6ba7b810-9dad-41d1-80b4-00c04fd430c8";
    const { production } = parse({
      accessEmails: '["Dev@Example.com", "ops@example.com"]',
      accessEmailDomains: "@Example.com, example.org example.com",
      sshAllow: "203.0.113.0/24,2001:DB8:0:0::/32\n198.51.100.4",
      identityProviderIds: id,
      volumeSnapshot: id,
      volumeSize: "100",
      swapSize: "0",
      backups: "true",
      protectWorkspaces: "false",
      sessionDuration: "1h30m",
      sshHostname: "ssh-code",
      sshThrough: "tunnel",
      size: "so1_5-2vcpu-16gb",
    });
    expect(production).toMatchObject({
      accessEmails: ["dev@example.com", "ops@example.com"],
      accessEmailDomains: ["example.com", "example.org"],
      sshAllow: ["203.0.113.0/24", "2001:db8::/32", "198.51.100.4/32"],
      volumeSize: 100,
      swapSize: 0,
      backups: true,
      protectWorkspaces: false,
      oneTimePin: false,
    });
  });

  it.each(brokenSettings)("refuses $title", ({ settings, context: more, messages }) => {
    expect(complaints(() => parse(settings, more))).toEqual(messages);
  });

  const mending = brokenSettings.flatMap(({ title, settings, context: more, messages }) =>
    messages.flatMap((message) => {
      const [, key, quoted, plain] =
        /config set opencode-platform:(\w+) (?:"([^"]*)"|(\S+)) --stack/.exec(message) ?? [];
      const value = quoted ?? plain;
      return key && value && !value.includes("<") ? [{ title, settings, more, key, value }] : [];
    }),
  );

  it("has commands in most of its messages that need no filling in", () =>
    expect(mending.length).toBeGreaterThan(40));

  it.each(mending)("of $title, is mended by setting $key to $value", ({ settings, more, key, value }) => {
    const said = complaints(() => parse({ ...settings, [key]: value }, more));
    expect(said.filter((line) => line.startsWith(`opencode-platform:${key}:`))).toEqual([]);
  });

  it("are not those of the stack local, and the other way round", () => {
    expect(complaints(() => parseSettings({ domain: "example.com" }))).toEqual([
      "opencode-platform:domain: is only for droplet stacks — npm run pulumi -- config rm opencode-platform:domain",
    ]);
    expect(parseSettings({}, { stack: "local", tokens: TOKENS })).not.toHaveProperty("production");
  });

  it("offers one-time PINs where there is no other way, or where they are wanted", () => {
    const google = {
      googleClientId: "1-a.apps.googleusercontent.com",
      googleClientSecret: "GOCSPX-0123456789",
    };
    const offered = (raw: Record<string, string>) => parse(raw).production?.oneTimePin;
    expect([offered({}), offered(google), offered({ ...google, oneTimePin: "true" })]).toEqual([
      true,
      false,
      true,
    ]);
  });

  it("takes a setting that is encrypted where it cannot be read for one that is right", () => {
    const hidden = ["domain", "accessEmails", "sshAllow", "googleClientId", "googleClientSecret"];
    const keys = new Set(hidden.map((name) => `opencode-platform:${name}`));
    expect(complaints(() => parseSettings({}, context({ hidden: keys })))).toEqual([]);
    expect(complaints(() => parseSettings({ region: "fra" }, context({ hidden: keys })))).toHaveLength(1);
  });
});

describe("a private key for SSH", () => {
  const read = (sshPrivateKey: string) => parse({ sshPrivateKey }).production?.sshPrivateKey;

  it.each([
    ["ed25519", ssh2.utils.generateKeyPairSync("ed25519")],
    ["ecdsa", ssh2.utils.generateKeyPairSync("ecdsa", { bits: 256 })],
    ["rsa", ssh2.utils.generateKeyPairSync("rsa", { bits: 2048 })],
  ])("of type %s is read with its public half, whatever ends its lines", (_, pair) => {
    const publicKey = pair.public.split(" ").slice(0, 2).join(" ");
    const privateKey = `${pair.private.trim()}\n`;
    expect(read(pair.private)).toEqual({ privateKey, publicKey });
    expect(read(pair.private.replaceAll("\n", "\r\n"))).toEqual({ privateKey, publicKey });
  });

  it.each([
    [
      "has a passphrase",
      ssh2.utils.generateKeyPairSync("ed25519", { passphrase: "x", cipher: "aes256-ctr", rounds: 1 }),
    ],
    ["is an RSA key of fewer than 2048 bits", ssh2.utils.generateKeyPairSync("rsa", { bits: 1024 })],
  ])("that %s is refused, without a word of it", (what, pair) => {
    const [said = "", ...more] = complaints(() => read(pair.private));
    expect(said).toContain(`sshPrivateKey: ${what}`);
    expect(more).toEqual([]);
    for (const line of pair.private.split("\n").slice(1, -2)) expect(said).not.toContain(line);
  });
});

it("the platform's own hostnames are told apart from the projects'", () => {
  const settings = { hostnamePattern: "{name}", panelHostname: "code", sshHostname: "shell" };
  const clashes = hostnameClashes(settings, ["code", "shop", "shell"], "prod");
  expect(clashes).toEqual([
    {
      where: "opencode-platform:panelHostname",
      what: '"code" is also the hostname of project code (hostnamePattern is "{name}")',
      fix: 'rename one of the two: npm run pulumi -- config set opencode-platform:panelHostname "<label>" --stack prod',
    },
    {
      where: "opencode-platform:sshHostname",
      what: '"shell" is also the hostname of project shell (hostnamePattern is "{name}")',
      fix: 'rename one of the two: npm run pulumi -- config set opencode-platform:sshHostname "<label>" --stack prod',
    },
  ]);
  expect(hostnameClashes({ ...settings, hostnamePattern: "{name}-code" }, ["code", "shell"], "prod")).toEqual(
    [],
  );
});

it("tokens are found in the config or in the environment", () => {
  const find = (keys: string[], env: Record<string, string>) =>
    tokensPresent((key) => keys.includes(key), env);
  expect(find(["digitalocean:token"], { CLOUDFLARE_API_TOKEN: "x" })).toMatchObject(TOKENS);
  expect(find(["cloudflare:apiToken"], { DIGITALOCEAN_TOKEN: "" })).toEqual({
    digitalocean: false,
    cloudflare: true,
    spaces: false,
  });
  expect(find([], { DIGITALOCEAN_ACCESS_TOKEN: "x" }).digitalocean).toBe(true);
});

it("what is kept in plain text is told by what Pulumi says is secret", () => {
  const config = { "a:secret": "x", "a:plain": "y" };
  expect([...plainKeys(config, '["a:secret"]')]).toEqual(["a:plain"]);
  expect([...plainKeys(config, undefined)]).toEqual([]);
});

it("every setting says what it means, in a sentence", () => {
  expect(settingDocs.filter(({ meaning }) => !/^[A-Z].*\.$/.test(meaning))).toEqual([]);
  expect(settingDocs.filter(({ kind }) => kind === "local").map(({ key }) => key)).toEqual([
    "localDomain",
    "workspacesDir",
    "dockerSocket",
  ]);
});
