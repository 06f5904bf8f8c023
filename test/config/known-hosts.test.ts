import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { publishedHostKeys } from "../../config/known-hosts.ts";

/** As `ssh-keygen -l` prints it, and as the hosts publish them beside the keys. */
const fingerprint = (line: string): string =>
  createHash("sha256")
    .update(Buffer.from(line.split(" ")[2] ?? "", "base64"))
    .digest("base64")
    .replace(/=+$/, "");

describe("published host keys", () => {
  it("are those that GitHub and GitLab.com publish the fingerprints of", () => {
    expect(publishedHostKeys("git@github.com:acme/platform.git").map(fingerprint)).toEqual([
      "+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU",
      "p2QAMXNIC1TJYWeIOttrVc98/R1BUFWu3/LiyKgUfQM",
      "uNiVztksCsDhcc0u9e8BujQXVUpKZIDTMczCvj3tD2s",
    ]);
    expect(publishedHostKeys("ssh://git@gitlab.com/acme/platform.git").map(fingerprint)).toEqual([
      "eUXGGm1YGsMAS7vkcx6JOJdOGHPem5gQp4taiCfCLB8",
      "HbW3g8zUjNSksFbqTiUWPWg2Bq1x8xdGUrliXFzSnUw",
      "ROQFvPThGrW4RuWLoL9tq9I9zJ42fK4XywyRtbOz/EQ",
    ]);
  });

  it("are lines of known_hosts for the address's host", () => {
    for (const line of publishedHostKeys("git@GitHub.com:acme/platform.git"))
      expect(line).toMatch(/^github\.com (ssh|ecdsa)-\S+ AAAA[\w+/]+=*$/);
  });

  it.each([
    "git@git.example:acme/platform.git",
    "ssh://git@github.com:2222/acme/platform.git",
    "https://github.com/acme/platform.git",
    "git@github.com.evil.example:acme/platform.git",
    "origin",
    "git@toString:a/b",
  ])("are none for %s", (repo) => expect(publishedHostKeys(repo)).toEqual([]));
});
