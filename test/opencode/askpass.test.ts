/** The image's askpass as it is: which of git's questions get the project's token. */
import { spawn, spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { tokenHost } from "../../config/projects/repo.ts";
import { makeRepositories, startGit } from "../../lab/forges/git.ts";
import { removeFolder, temporaryFolder } from "../support/temporary.ts";

const SCRIPT = join(import.meta.dirname, "../../opencode/rootfs/usr/local/lib/opencode-platform/askpass");
const TOKEN = "the-token";
let folder = "";

beforeAll(() => {
  folder = temporaryFolder();
  for (const name of ["secrets", "status", "repositories"]) mkdirSync(join(folder, name));
  writeFileSync(join(folder, "secrets/GIT_TOKEN"), TOKEN);
  const script = readFileSync(SCRIPT, "utf8")
    .replaceAll("/tmp/opencode-platform", join(folder, "status"))
    .replaceAll("/run/opencode", folder);
  writeFileSync(join(folder, "askpass"), script, { mode: 0o755 });
});
afterAll(() => removeFolder(folder));

const ENVIRONMENT = {
  PATH: process.env.PATH ?? "",
  OPENCODE_PLATFORM_REPO: "https://git.example/team/app.git",
  OPENCODE_PLATFORM_GIT_HOST: "git.example",
  OPENCODE_PLATFORM_GIT_SECRET: "GIT_TOKEN",
};

function answer(prompt: string, env: Record<string, string> = {}): string | undefined {
  const { status, stdout } = spawnSync("bash", [join(folder, "askpass"), prompt], {
    encoding: "utf8",
    env: { ...ENVIRONMENT, ...env },
  });
  return status === 0 ? stdout.trim() : undefined;
}

describe("askpass", () => {
  it("gives the token to the repository's own host", () => {
    expect(answer("Username for 'https://git.example': ")).toBe("x-access-token");
    expect(answer("Password for 'https://x-access-token@git.example': ")).toBe(TOKEN);
    expect(answer("Password for 'https://some-one%40team.example@git.example': ")).toBe(TOKEN);
  });

  it("gives it under another user's name, on another port and unencrypted where the entry says so", () => {
    const env = {
      OPENCODE_PLATFORM_REPO: "http://127.0.0.1:8080/app.git",
      OPENCODE_PLATFORM_GIT_HOST: "127.0.0.1:8080",
      OPENCODE_PLATFORM_GIT_USERNAME: "ci@team.example",
    };
    expect(answer("Username for 'http://127.0.0.1:8080': ", env)).toBe("ci@team.example");
    expect(answer("Password for 'http://ci@team.example@127.0.0.1:8080': ", env)).toBe(TOKEN);
    expect(answer("Password for 'https://ci@127.0.0.1:8080': ", env)).toBeUndefined();
    expect(answer("Password for 'http://ci@127.0.0.1': ", env)).toBeUndefined();
  });

  it.each([
    [
      "a name with a quote, which older releases of git print as it is",
      "https://a@git.example'x@evil.example",
    ],
    ["a name that is a whole question", "https://a@git.example': @evil.example"],
    ["a name with an address", "https://https://a@git.example@evil.example"],
    ["a host that begins like it", "https://a@git.example.evil.example"],
    ["a host that ends like it", "https://a@evil-git.example"],
    ["a host that matches it as a pattern", "https://a@gitXexample"],
    ["another port", "https://a@git.example:8443"],
    ["no encryption", "http://a@git.example"],
    ["a path", "https://a@git.example/x"],
    ["a line break", "https://a\n@git.example"],
    ["no name", "https://git.example"],
  ])("gives nothing for %s", (_, address) => {
    expect(answer(`Password for '${address}': `)).toBeUndefined();
    expect(answer(`Password for '${address}'`)).toBeUndefined();
  });

  it.each([
    ["in upper case", "https://Git.EXAMPLE"],
    ["with the scheme's port", "https://git.example:443"],
    ["with a dot at its end", "https://git.example."],
    ["with all of it", "https://GIT.example.:443"],
  ])("gives it for the host %s", (_, address) => {
    expect(answer(`Username for '${address}': `)).toBe("x-access-token");
    expect(answer(`Password for '${address.replace("//", "//me@")}': `)).toBe(TOKEN);
  });

  it("answers git-lfs, which asks in its own form, for the same host alone", () => {
    expect(answer('Username for "https://git.example"')).toBe("x-access-token");
    expect(answer('Password for "https://x-access-token@git.example"')).toBe(TOKEN);
    for (const text of [
      'Password for "https://x@evil.example"',
      'Password for "https://x@git.example": ',
      'Password for "https://x@git.example',
      "Password for \"https://x@git.example': ",
      'Password for "http://x@git.example"',
    ])
      expect(answer(text)).toBeUndefined();
  });

  it.each([
    ["is still good: as often as it likes", 0, 250],
    ["is refused: a hundred times at most", 128, 99],
  ])("answers a git-lfs whose token %s", (_, status, wanted) => {
    const bin = join(folder, "bin");
    mkdirSync(bin, { recursive: true });
    writeFileSync(join(bin, "git"), `#!/bin/bash\nexit ${status}\n`, { mode: 0o755 });
    const ask = `for _ in {1..250}; do bash '${join(folder, "askpass")}' 'Password for "https://x@git.example"'; done`;
    writeFileSync(join(bin, "git-lfs"), `#!/bin/bash\n${ask}\n`, { mode: 0o755 });
    const { stdout } = spawnSync(join(bin, "git-lfs"), {
      encoding: "utf8",
      env: { ...ENVIRONMENT, PATH: `${bin}:${process.env.PATH}` },
    });
    expect(stdout.split(TOKEN)).toHaveLength(wanted + 1);
  });

  it("is asked by git for the host as it is spelled, and answers so that git gets in", async () => {
    const repositories = makeRepositories(join(folder, "repositories"));
    repositories.add("app", [{ files: { "a.txt": "a" } }]);
    const git = await startGit(repositories, { tokens: { app: TOKEN } });
    const ran = spawn("git", ["ls-remote", `http://LocalHost:${git.port}/app.git`], {
      stdio: ["ignore", "pipe", "inherit"],
      env: {
        ...ENVIRONMENT,
        GIT_ASKPASS: join(folder, "askpass"),
        GIT_CONFIG_NOSYSTEM: "1",
        HOME: folder,
        OPENCODE_PLATFORM_REPO: `http://localhost:${git.port}/app.git`,
        OPENCODE_PLATFORM_GIT_HOST: tokenHost(`http://LOCALHOST:${git.port}/app.git`),
      },
    });
    expect(await text(ran.stdout)).toContain("refs/heads/main");
    await git.close();
  });

  it("answers nothing before or behind the question", () => {
    const question = "Password for 'https://x@git.example': ";
    for (const text of [` ${question}`, `${question}\n`, `x\n${question}`, question.trim()])
      expect(answer(text)).toBeUndefined();
    expect(answer("Username for 'https://evil.example/://git.example': ")).toBeUndefined();
  });
});
