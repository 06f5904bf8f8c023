import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { type SshAccess, writeSshFiles } from "../../config/ssh-files.ts";

const checkout = mkdtempSync(join(tmpdir(), "check out "));
afterAll(() => rmSync(checkout, { recursive: true }));

const access: SshAccess = {
  alias: "opencode-prod-7",
  address: "203.0.113.7",
  hostKey: "ssh-ed25519 AAAA",
  privateKey: "-----BEGIN OPENSSH PRIVATE KEY-----\nabc\n-----END OPENSSH PRIVATE KEY-----",
};

/** What OpenSSH itself makes of a configuration. */
function effective(file: string): Map<string, string> {
  const said = execFileSync("ssh", ["-G", "-F", join(checkout, file), access.alias], { encoding: "utf8" });
  return new Map(said.split("\n").map((line) => line.split(/ (.*)/s) as [string, string]));
}

describe("writeSshFiles", () => {
  it("writes files that their owner alone reads, and says where they are", () => {
    const file = writeSshFiles(checkout, "prod", access);
    expect(file).toBe(".runtime/prod/ssh/opencode-prod-7/config");
    for (const name of ["config", "id", "known_hosts"])
      expect(statSync(join(checkout, file, "..", name)).mode & 0o777).toBe(0o600);
    expect(readFileSync(join(checkout, file, "../id"), "utf8")).toBe(`${access.privateKey}\n`);
  });

  it("pins the host key: OpenSSH accepts no other and asks nothing", () => {
    const settings = effective(writeSshFiles(checkout, "prod", access));
    const directory = join(checkout, ".runtime/prod/ssh/opencode-prod-7");
    expect(Object.fromEntries(settings)).toMatchObject({
      hostname: "203.0.113.7",
      user: "root",
      hostkeyalias: "opencode-prod-7",
      stricthostkeychecking: "true",
      batchmode: "yes",
      identityfile: join(directory, "id"),
      userknownhostsfile: join(directory, "known_hosts"),
    });
    expect(settings.has("proxycommand")).toBe(false);
    expect(readFileSync(join(directory, "known_hosts"), "utf8")).toBe("opencode-prod-7 ssh-ed25519 AAAA\n");
  });

  it("goes through the tunnel by its hostname", () => {
    const tunnelHostname = "ssh-code.example.com";
    const settings = effective(writeSshFiles(checkout, "prod", { ...access, tunnelHostname }));
    expect(settings.get("hostname")).toBe(tunnelHostname);
    expect(settings.get("proxycommand")).toBe("cloudflared access ssh --hostname %h");
  });
});
