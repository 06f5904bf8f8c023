import { describe, expect, it } from "vitest";
import { sharedDomainWarnings } from "../../config/stack/own-domain.ts";

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
