/** What the platform relies on libraries for, where a library's own default would mean something else. */
import { describe, expect, it } from "vitest";
import { parseCidr } from "../../config/stack/cidr.ts";
import { parseDomain } from "../../config/stack/domains.ts";
import { closest } from "../../config/text/show.ts";
import { compareVersions } from "../../toolchain/lib/words.ts";

describe("an address in sshAllow", () => {
  it.each([
    ["::192.0.2.1", "::c000:201/128"],
    ["::FFFF:192.0.2.1", "::ffff:c000:201/128"],
    ["2001:DB8:0:0:1::/80", "2001:db8:0:0:1::/80"],
    ["203.0.113.0/24", "203.0.113.0/24"],
  ])("%s is %s to the firewall", (text, cidr) => expect(parseCidr(text)).toBe(cidr));

  it.each(["10", "0x7f.1", "010.0.0.1", "fe80::1%eth0"])("%s is none, though ipaddr.js reads it", (text) =>
    expect(parseCidr(text)).toHaveProperty("mistake"),
  );
});

describe("a domain", () => {
  it.each(["co.uk", "github.io", "gov.bw", "s3.amazonaws.com"])("%s is a public suffix", (domain) =>
    expect(parseDomain(domain)).toEqual({ mistake: expect.stringContaining("is a public suffix") }),
  );
  it.each(["example.co.uk", "team.github.io", "platform.internal"])("%s is a team's own", (domain) =>
    expect(parseDomain(domain)).toBe(domain),
  );
});

it("two letters in the wrong order are one mistake", () => {
  expect(closest("evn", ["env", "memory"])).toBe("env");
  expect(closest("grou", ["group"])).toBe("group");
});

it.each([
  ["20.10.24+dfsg1", "20.10", 1],
  ["v3.200", "3.200.0", 0],
  ["3.300.0-alpha.1", "3.300.0", 0],
  ["go1.22.1", "1.21", 1],
  ["", "1.0.0", -1],
] as const)("version %j against %j is %i", (a, b, sign) => {
  expect(Math.sign(compareVersions(a, b))).toBe(sign);
});
