/** Which of the forges' own programs get the project's token, by the image's script as it is. */
import { execFileSync } from "node:child_process";
import { afterAll, beforeAll, expect, it } from "vitest";
import { ImageScripts } from "../support/opencode/image-scripts.ts";

let container: ImageScripts;
beforeAll(() => {
  container = new ImageScripts();
});
afterAll(() => container.remove());

function variables(forge: string, host: string, more: Readonly<Record<string, string>> = {}) {
  const env = container.environment({
    OPENCODE_PLATFORM_REPO: `https://${host}/acme/app`,
    OPENCODE_PLATFORM_GIT_HOST: host,
    OPENCODE_PLATFORM_GIT_SECRET: "T",
    ...(forge ? { OPENCODE_PLATFORM_GIT_FORGE: forge } : {}),
    T: "the-token\n",
    ...more,
  });
  const script = `set -euo pipefail; . '${container.path("lib/forge")}'; env -0`;
  const text = execFileSync("bash", ["-c", script], { encoding: "utf8", env });
  const found = text.split("\0").filter((line) => /^(GH_|GITHUB_|GITLAB_|forge_)/.test(line));
  return Object.fromEntries(found.map((line) => line.split(/=(.*)/s).slice(0, 2)));
}

it.each([
  ["github", "github.com", { GH_TOKEN: "the-token" }],
  ["github", "git.acme.dev:8443", { GH_ENTERPRISE_TOKEN: "the-token", GH_HOST: "git.acme.dev:8443" }],
  ["gitlab", "gitlab.com", { GITLAB_TOKEN: "the-token", GITLAB_HOST: "https://gitlab.com" }],
  ["gitlab", "git.acme.dev", { GITLAB_TOKEN: "the-token", GITLAB_HOST: "https://git.acme.dev" }],
  ["", "git.acme.dev", {}],
])("%s at %s", (forge, host, wanted) => {
  expect(variables(forge, host)).toEqual(wanted);
});

it("what the project has for them itself is kept", () => {
  expect(variables("github", "github.com", { GITHUB_TOKEN: "own" })).toEqual({ GITHUB_TOKEN: "own" });
  expect(variables("github", "github.com", { GH_TOKEN: "own" })).toEqual({ GH_TOKEN: "own" });
  expect(variables("gitlab", "git.acme.dev", { GITLAB_TOKEN: "own", GITLAB_HOST: "other" })).toEqual({
    GITLAB_TOKEN: "own",
    GITLAB_HOST: "other",
  });
});
