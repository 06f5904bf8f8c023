/** The image's askpass as it is: which of git's questions get the project's token. */
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { removeFolder, temporaryFolder } from "../support/temporary.ts";

const SCRIPT = join(import.meta.dirname, "../../opencode/rootfs/usr/local/lib/opencode-platform/askpass");
const TOKEN = "the-token";
let folder = "";

beforeAll(() => {
  folder = temporaryFolder();
  mkdirSync(join(folder, "secrets"));
  writeFileSync(join(folder, "secrets/GIT_TOKEN"), TOKEN);
  const text = readFileSync(SCRIPT, "utf8").replaceAll("/run/opencode", folder);
  writeFileSync(join(folder, "askpass"), text, { mode: 0o755 });
});
afterAll(() => removeFolder(folder));

function answer(prompt: string, env: Record<string, string> = {}): string | undefined {
  const { status, stdout } = spawnSync("bash", [join(folder, "askpass"), prompt], {
    encoding: "utf8",
    env: {
      PATH: process.env.PATH ?? "",
      OPENCODE_PLATFORM_REPO: "https://git.example/team/app.git",
      OPENCODE_PLATFORM_GIT_HOST: "git.example",
      OPENCODE_PLATFORM_GIT_SECRET: "GIT_TOKEN",
      ...env,
    },
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

  it("answers nothing before or behind the question", () => {
    const question = "Password for 'https://x@git.example': ";
    for (const text of [` ${question}`, `${question}\n`, `x\n${question}`, question.trim()])
      expect(answer(text)).toBeUndefined();
    expect(answer("Username for 'https://evil.example/://git.example': ")).toBeUndefined();
  });
});
