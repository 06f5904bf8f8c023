/** Git's configuration of a project, read by the real git at the level that the image includes it on. */
import { execFileSync } from "node:child_process";
import { chmodSync, writeFileSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { cloneUrl, parseRepo } from "../../config/projects/repo.ts";
import { gitConfig } from "../../opencode/git-config.ts";
import { ImageScripts } from "../support/opencode/image-scripts.ts";

let container: ImageScripts;

beforeEach(() => {
  container = new ImageScripts();
});
afterEach(() => container.remove());

type Settings = Parameters<typeof gitConfig>[0];
const NONE = { auth: "none", sign: false } as const;
const TOKEN = { auth: "token", secret: "T", username: "x", sign: false } as const;

function write(settings: Partial<Settings>): void {
  const text = gitConfig({ project: "web-shop", domain: "example.com", git: NONE, ...settings });
  writeFileSync(container.path("run/gitconfig"), text.replaceAll("/run/opencode", container.path("run")));
}

const git = (...args: string[]) =>
  execFileSync("git", ["-C", container.workspace(), ...args], {
    encoding: "utf8",
    env: container.environment(),
    stdio: ["ignore", "pipe", "pipe"],
  }).trim();

function firstCommit(format: string): string {
  git("init", "--quiet");
  git("commit", "--quiet", "--allow-empty", "--message", "first");
  return git("log", "-1", `--format=${format}`);
}

describe("the first commit", () => {
  it("is the project's own", () => {
    write({});
    expect(firstCommit("%an <%ae> %cn")).toBe(
      "web-shop (opencode) <web-shop@example.com> web-shop (opencode)",
    );
  });

  it("is whose the entry says, whatever is in the name", () => {
    const name = String.raw`Shop "the agent" \\ # ; Łódź`;
    write({ git: { ...NONE, name, email: "49699333+shop[bot]@users.noreply.github.com" } });
    expect(firstCommit("%an|%ae")).toBe(`${name}|49699333+shop[bot]@users.noreply.github.com`);
  });

  it("is the person's or the repository's, where one is configured", () => {
    write({});
    writeFileSync(container.path("home/.gitconfig"), "[user]\n\tname = Dev\n");
    expect(firstCommit("%an|%ae")).toBe("Dev|web-shop@example.com");
    git("config", "user.email", "repository@example.com");
    git("commit", "--quiet", "--allow-empty", "--message", "second");
    expect(git("log", "-1", "--format=%an|%ae")).toBe("Dev|repository@example.com");
  });

  it("is signed by the deploy key where the entry says so", () => {
    const key = container.path("run/deploy_key");
    execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-C", "", "-f", key]);
    const signer = container.read("run/deploy_key.pub");
    // The platform uploads the private key alone.
    execFileSync("rm", [`${key}.pub`]);
    chmodSync(key, 0o400);
    write({ git: { auth: "ssh", knownHosts: [], sign: true } });
    writeFileSync(container.path("home/signers"), `web-shop@example.com ${signer}`);
    git("init", "--quiet");
    git("config", "gpg.ssh.allowedSignersFile", container.path("home/signers"));
    expect(firstCommit("%G? %GS")).toBe("G web-shop@example.com");
    git("tag", "--message", "release", "v1");
    expect(() => git("tag", "--verify", "v1")).not.toThrow();
  });

  it("is not signed otherwise", () => {
    write({ git: { auth: "ssh", knownHosts: [], sign: false } });
    expect(firstCommit("%G?")).toBe("N");
  });
});

describe("addresses that want a key", () => {
  const rewritten = (address: string): string => {
    git("init", "--quiet");
    git("config", "remote.x.url", address);
    return git("ls-remote", "--get-url", "x");
  };
  const settingsFor = (text: string) => {
    const source = parseRepo(text);
    if ("mistake" in source) throw new Error(source.mistake);
    return { git: TOKEN, repo: source };
  };

  it.each([
    ["https://github.com/acme/app.git", "git@github.com:acme/lib.git", "https://github.com/acme/lib.git"],
    ["https://github.com/acme/app.git", "ssh://git@github.com/acme/lib", "https://github.com/acme/lib"],
    ["https://github.com/acme/app.git", "ssh://git@github.com:22/acme/lib", "https://github.com/acme/lib"],
    ["https://GitHub.com:443/acme/app", "git@github.com:acme/lib", "https://github.com/acme/lib"],
    ["https://GitHub.com:443/acme/app", "git@GitHub.com:acme/lib", "https://github.com/acme/lib"],
    ["https://git.acme.dev:8443/app", "git@git.acme.dev:lib", "https://git.acme.dev:8443/lib"],
  ])("of the host of %s: %s", (repo, address, wanted) => {
    write(settingsFor(repo));
    expect(rewritten(address)).toBe(wanted);
  });

  it.each([
    "git@github.com.evil.example:acme/lib",
    "git@evil.example:acme/lib",
    "ssh://git@evil.example/github.com/",
    "https://gitlab.com/acme/lib",
  ])("of another host stay: %s", (address) => {
    write(settingsFor("https://github.com/acme/app.git"));
    expect(rewritten(address)).toBe(address);
  });

  it("stay where the project has a key, or nothing", () => {
    for (const auth of [NONE, { auth: "ssh", knownHosts: [], sign: false } as const]) {
      write({ ...settingsFor("https://github.com/acme/app.git"), git: auth });
      expect(rewritten("git@github.com:acme/lib")).toBe("git@github.com:acme/lib");
    }
  });

  it("lead where the clone came from", () => {
    const { repo } = settingsFor("https://GitHub.com/acme/app");
    expect(cloneUrl(repo)).toBe("https://github.com/acme/app");
  });
});
