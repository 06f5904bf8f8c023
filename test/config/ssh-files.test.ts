import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { type SshAccess, sshConfigFile, writeSshFiles } from "../../components/host/ssh-files.ts";

const checkout = mkdtempSync(join(tmpdir(), "check out "));
afterAll(() => rmSync(checkout, { recursive: true }));

const access: SshAccess = {
  name: "opencode-prod",
  alias: "opencode-prod-7",
  address: "203.0.113.7",
  hostKey: "ssh-ed25519 AAAA",
  privateKey: "-----BEGIN OPENSSH PRIVATE KEY-----\nabc\n-----END OPENSSH PRIVATE KEY-----",
};

/** What OpenSSH itself makes of a configuration. */
function effective(name: string): Map<string, string> {
  const file = join(checkout, sshConfigFile("prod", name));
  const said = execFileSync("ssh", ["-G", "-F", file, name], { encoding: "utf8" });
  return new Map(said.split("\n").map((line) => line.split(/ (.*)/s) as [string, string]));
}

describe("writeSshFiles", () => {
  it("writes files that their owner alone reads, under the droplet's name and the stack's", () => {
    writeSshFiles(checkout, "prod", access);
    for (const name of [access.name, access.alias]) {
      const directory = join(checkout, ".runtime/prod/ssh", name);
      for (const file of ["config", "id", "known_hosts"])
        expect(statSync(join(directory, file)).mode & 0o777).toBe(0o600);
      expect(readFileSync(join(directory, "id"), "utf8")).toBe(`${access.privateKey}\n`);
      expect(readFileSync(join(directory, "known_hosts"), "utf8")).toBe(`${name} ssh-ed25519 AAAA\n`);
    }
  });

  it("pins the host key: OpenSSH accepts no other and asks nothing", () => {
    for (const name of [access.name, access.alias]) {
      const settings = effective(name);
      const directory = join(checkout, ".runtime/prod/ssh", name);
      expect(Object.fromEntries(settings)).toMatchObject({
        hostname: "203.0.113.7",
        user: "root",
        hostkeyalias: name,
        stricthostkeychecking: "true",
        batchmode: "yes",
        identityfile: join(directory, "id"),
        userknownhostsfile: join(directory, "known_hosts"),
      });
      expect(settings.has("proxycommand")).toBe(false);
    }
  });

  it("leaves a droplet reachable by its own name when another takes its place", () => {
    writeSshFiles(checkout, "prod", { ...access, alias: "opencode-prod-8", address: "203.0.113.8" });
    expect(effective("opencode-prod").get("hostname")).toBe("203.0.113.8");
    expect(effective("opencode-prod-7").get("hostname")).toBe("203.0.113.7");
  });

  it("goes through the tunnel by its hostname", () => {
    const tunnelHostname = "ssh-code.example.com";
    writeSshFiles(checkout, "prod", { ...access, tunnelHostname });
    const settings = effective(access.alias);
    expect(settings.get("hostname")).toBe(tunnelHostname);
    expect(settings.get("proxycommand")).toBe("cloudflared access ssh --hostname %h");
  });
});
