import { spawnSync } from "node:child_process";
import { copyFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { sharedDomainWarnings } from "../../config/stack/own-domain.ts";
import { removeFolder, temporaryFolder } from "../support/temporary.ts";

const warned = (domain: string, people: { accessEmails?: string[]; accessEmailDomains?: string[] }) =>
  sharedDomainWarnings({ accessEmails: [], accessEmailDomains: [], ...people, domain }, "prod");

describe("a domain that the platform shares with a company's other sites", () => {
  it.each([
    ["example.com", { accessEmailDomains: ["acme.org", "example.com"] }],
    ["example.com", { accessEmails: ["ann@example.com"] }],
    ["code.example.com", { accessEmailDomains: ["example.com"] }],
    ["example.com", { accessEmailDomains: ["mail.example.com"] }],
    ["example.co.uk", { accessEmailDomains: ["staff.example.co.uk"] }],
  ])("is warned of: %s with people of %j", (domain, people) => {
    const [warning, ...more] = warned(domain, people);
    expect(more).toEqual([]);
    expect(warning?.where).toBe("opencode-platform:domain");
    expect(warning?.what).toContain(`${domain} looks like your company's main domain`);
    expect(warning?.fix).toContain("--stack prod");
  });

  it.each([
    ["example-code.com", { accessEmailDomains: ["example.com"] }],
    ["other.co.uk", { accessEmailDomains: ["example.co.uk"] }],
    ["example.com", { accessEmails: ["ann@gmail.com"] }],
    ["team.workers.dev", { accessEmailDomains: ["other.workers.dev"] }],
  ])("is not: %s with people of %j", (domain, people) => {
    expect(warned(domain, people)).toEqual([]);
  });
});

it("npm run check prints the warning, and finds nothing wrong", () => {
  const folder = temporaryFolder();
  const settings = { domain: "example.com", accessEmailDomains: "example.com", sshAllow: "203.0.113.7" };
  const lines = Object.entries(settings).map(([key, value]) => `  opencode-platform:${key}: ${value}\n`);
  copyFileSync(join(import.meta.dirname, "../../Pulumi.yaml"), join(folder, "Pulumi.yaml"));
  writeFileSync(join(folder, "projects.yaml"), "projects: []\n");
  writeFileSync(join(folder, "Pulumi.prod.yaml"), `config:\n${lines.join("")}`);
  const check = join(import.meta.dirname, "../../scripts/check.ts");
  const { status, stderr } = spawnSync(process.execPath, [check, "--stack", "prod"], {
    encoding: "utf8",
    env: {
      PATH: process.env.PATH,
      HOME: folder,
      OPENCODE_PLATFORM_ROOT: folder,
      DIGITALOCEAN_TOKEN: "x",
      CLOUDFLARE_API_TOKEN: "x",
    },
  });
  removeFolder(folder);
  expect([status, stderr]).toEqual([
    0,
    expect.stringContaining("warning: opencode-platform:domain: example.com looks like"),
  ]);
});
