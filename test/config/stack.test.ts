import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { checkConfiguration } from "../../config/check.ts";
import { isPrivateHost } from "../../config/projects/repo.ts";
import { readStackFile, secretCommand, secretKeys } from "../../config/stack/secrets.ts";
import { parseSettings } from "../../config/stack/settings.ts";
import { closest } from "../../config/text/show.ts";
import { formatSize, guessSize, parseSize } from "../../config/text/sizes.ts";
import { complaints } from "../support/complaints.ts";

describe("settings", () => {
  it("have defaults", () => {
    expect(parseSettings({ port: undefined })).toEqual({
      port: 4080,
      localDomain: "localhost",
      namePrefix: "opencode",
      dockerSocket: "/var/run/docker.sock",
      baseImage: "node:22-bookworm-slim",
      slimImage: false,
      passwordRotation: "",
      panel: { enabled: false, port: 4090, admins: [], machines: false, apply: "here", create: "everyone" },
      passwordRotations: {},
      packages: "",
      packagesOf: {},
    });
  });

  it("refuses a port that no browser opens", () => {
    expect(complaints(() => parseSettings({ port: "4190" }))).toEqual([
      'opencode-platform:port: "4190" is not a port that browsers open (they block those of other protocols) — npm run pulumi -- config set opencode-platform:port 4080',
    ]);
  });

  it("are read", () => {
    const settings = parseSettings({ port: "80", passwordRotation: "1", "passwordRotation/web-shop": "2" });
    expect(settings).toMatchObject({
      port: 80,
      passwordRotation: "1",
      passwordRotations: { "web-shop": "2" },
    });
  });

  it("are refused all at once, each with the command that mends it", () => {
    const raw = {
      port: "99999",
      prot: "1",
      namePrefix: "My_",
      dockerSocket: "docker.sock",
      workspacesDir: "it's",
      baseImage: "a b",
      "passwordRotation/Shop": "1",
    };
    expect(complaints(() => parseSettings(raw))).toEqual([
      "opencode-platform:prot: is not a setting; did you mean port? — npm run pulumi -- config rm opencode-platform:prot",
      "opencode-platform:passwordRotation/Shop: is not a setting; there are port, localDomain, namePrefix, workspacesDir, dockerSocket, baseImage, slimImage, passwordRotation, packages, panel, panelWebhook, backup, backupPassword, backupKeyId, backupKeySecret, backupSshKey, backupKnownHosts, proxy, caBundle, registries, passwordRotation/<project>, packages/<project> — npm run pulumi -- config rm opencode-platform:passwordRotation/Shop",
      'opencode-platform:port: "99999" is not a port: a whole number from 1 to 65535 — npm run pulumi -- config set opencode-platform:port 4080',
      'opencode-platform:namePrefix: "My_" is not a prefix: at most 21 lower-case letters, digits and hyphens, first a letter — npm run pulumi -- config set opencode-platform:namePrefix opencode',
      "opencode-platform:workspacesDir: \"it's\" is not a directory's path: no quotes, colons, commas, $ or \\ — npm run pulumi -- config rm opencode-platform:workspacesDir",
      'opencode-platform:dockerSocket: "docker.sock" is not the absolute path of a socket — npm run pulumi -- config set opencode-platform:dockerSocket /var/run/docker.sock',
      'opencode-platform:baseImage: "a b" is not an image reference (e.g. node:22-bookworm-slim) — npm run pulumi -- config set opencode-platform:baseImage node:22-bookworm-slim',
    ]);
  });
});

describe("secrets", () => {
  it("are looked for under the project's own key first", () => {
    expect(secretKeys("shop", "TOKEN")).toEqual(["secrets:shop/TOKEN", "secrets:TOKEN"]);
    expect(secretCommand("TOKEN")).toBe("npm run pulumi -- config set --secret secrets:TOKEN");
  });

  it("are known from the stack's file without its passphrase", () => {
    const { hasSecret, plain, problems } = readStackFile(
      "config:\n  secrets:A: { secure: v1:x }\n  secrets:shop/B: { secure: v1:y }\n  opencode-platform:port: 4081\n",
      "Pulumi.local.yaml",
    );
    expect([hasSecret("blog", "A"), hasSecret("shop", "B"), hasSecret("blog", "B")]).toEqual([
      true,
      true,
      false,
    ]);
    expect(plain).toEqual({ "opencode-platform:port": "4081" });
    expect(problems).toEqual([]);
  });

  it.each([undefined, "", "config:\n", "[]", "encryptionsalt: v1:x\n"])("are none in %j", (text) => {
    expect(readStackFile(text, "f").hasSecret("a", "B")).toBe(false);
  });

  it("may not be in plain text, nor under a key nobody reads", () => {
    const text = "config:\n  secrets:A: hunter2\n  secrets:shop/b/C: { secure: v1:x }\n  a: 1\n  a: 2\n";
    expect(readStackFile(text, "Pulumi.local.yaml").problems).toEqual([
      { where: "Pulumi.local.yaml:5:3", what: "is defined twice", fix: "keep one of the two" },
      {
        where: "Pulumi.local.yaml:2:3 secrets:A",
        what: "is in plain text",
        fix: "revoke it at its issuer, then: npm run pulumi -- config set --secret secrets:A",
      },
      {
        where: "Pulumi.local.yaml:3:3 secrets:shop/b/C",
        what: "is not a valid secret key: use secrets:NAME or secrets:<project>/NAME",
        fix: "npm run pulumi -- config rm secrets:shop/b/C",
      },
    ]);
  });
});

describe("check", () => {
  let root: string;
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), "check-"));
  });
  afterEach(() => rmSync(root, { recursive: true }));

  it("reports both files at once", () => {
    writeFileSync(join(root, "projects.yaml"), "projects: [{ name: shop, secrets: [A, B], repo: ./gone }]");
    writeFileSync(
      join(root, "Pulumi.local.yaml"),
      "config:\n  secrets:A: { secure: v1:x }\n  opencode-platform:port: none\n",
    );
    expect(complaints(() => checkConfiguration(root, "local"))).toEqual([
      "projects.yaml:1:39 projects[0].secrets[1]: B has no value — set one: npm run pulumi -- config set --secret secrets:shop/B (or secrets:B for every project)",
      'projects.yaml:1:49 projects[0].repo: directory "./gone" not found',
      'opencode-platform:port: "none" is not a port: a whole number from 1 to 65535 — npm run pulumi -- config set opencode-platform:port 4080',
    ]);
  });

  it("takes this machine's memory and processors for the local stack, the droplet's for others", () => {
    writeFileSync(
      join(root, "projects.yaml"),
      "projects: [{ name: a, resources: { memory: 999999GiB, cpus: 9999 } }]",
    );
    expect(complaints(() => checkConfiguration(root, "local")).map((line) => line.split(" (")[0])).toEqual([
      "projects.yaml:1:44 projects[0].resources.memory: 999999GiB is more than this machine has",
      "projects.yaml:1:61 projects[0].resources.cpus: 9999 is more than this machine has",
    ]);
    writeFileSync(
      join(root, "Pulumi.prod.yaml"),
      "config: { opencode-platform:domain: example.com, opencode-platform:accessEmails: [a@example.com], opencode-platform:sshAllow: 203.0.113.7 }",
    );
    expect(complaints(() => checkConfiguration(root, "prod"))).toEqual([
      "projects.yaml:1:44 projects[0].resources.memory: 999999GiB is more than the host has (8GiB)",
      "projects.yaml:1:61 projects[0].resources.cpus: 9999 is more than the host has (4)",
    ]);
  });
});

describe("small parts", () => {
  it.each([
    ["512MiB", 512 * 2 ** 20, 512],
    ["1.5GiB", 1.5 * 2 ** 30, 1536],
    ["512MB", 512e6, 488],
    ["2GB", 2e9, 1907],
  ])("%s is a size", (text, bytes, mib) => expect(parseSize(text)).toEqual({ bytes, mib, text }));

  it.each(["", "4", "4 GiB", "-1GiB", "4gib", "GiB", "1e3MiB", "4TiB", "1234567MiB", "4GiB\n"])(
    "%j is no size",
    (text) => expect(parseSize(text)).toBeUndefined(),
  );

  it("guesses what a size was meant to be", () => {
    expect(["512m", "4 gb", "4Gi", "1.5G", "lots"].map(guessSize)).toEqual([
      "512MiB",
      "4GB",
      "4GiB",
      "1.5GiB",
      undefined,
    ]);
  });

  it("says sizes in words", () => {
    expect([700 * 2 ** 20, 2 ** 30, 15.67 * 2 ** 30].map(formatSize)).toEqual(["700MiB", "1GiB", "15.6GiB"]);
  });

  it("finds the nearest word, or none", () => {
    const words = ["memory", "cpus", "pids"];
    expect(["memroy", "Memory", "cpu", "pid", "x", "colour"].map((word) => closest(word, words))).toEqual([
      "memory",
      "memory",
      "cpus",
      "pids",
      undefined,
      undefined,
    ]);
  });

  it.each(["8.8.8.8", "172.32.0.1", "example.com", "localhost.example.com", "10.example.com", "2001:db8::1"])(
    "%s is not private",
    (host) => expect(isPrivateHost(host)).toBe(false),
  );
});
