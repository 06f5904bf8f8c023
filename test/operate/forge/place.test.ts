import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { UserError } from "../../../config/errors.ts";
import { forgeOf, runUrlOf } from "../../../operate/forge/place.ts";

const folder = mkdtempSync(join(tmpdir(), "ci-place-"));
afterAll(() => rmSync(folder, { recursive: true }));

const gitHubEnv = (apiUrl: string, token: string, event: string) => ({
  GITHUB_ACTIONS: "true",
  GITHUB_API_URL: apiUrl,
  GITHUB_REPOSITORY: "team/platform",
  GITHUB_TOKEN: token,
  GITHUB_EVENT_PATH: event,
});

describe("the forge of a run", () => {
  const problems = (env: Record<string, string>) => {
    try {
      forgeOf(env);
      return [];
    } catch (error) {
      return error instanceof UserError ? error.message.split("\n") : [String(error)];
    }
  };

  it("is neither forge outside of both", () => {
    expect(forgeOf({})).toBeUndefined();
    expect(forgeOf({ CI: "true", GITHUB_ACTIONS: "false" })).toBeUndefined();
  });

  it("reports all missing variables at once", () => {
    expect(problems({ GITHUB_ACTIONS: "true", GITHUB_REPOSITORY: "no" })).toEqual([
      "GITHUB_API_URL: is not set",
      "GITHUB_REPOSITORY: is not owner/name",
      `GITHUB_TOKEN: is not set — give the step "env: GITHUB_TOKEN: \${{ github.token }}"`,
    ]);
    expect(problems({ GITLAB_CI: "true", CI_API_V4_URL: "x", CI_PROJECT_ID: "y", GITLAB_TOKEN: "" })).toEqual(
      [
        "CI_API_V4_URL: is not a URL",
        "CI_PROJECT_ID: is not a number",
        "GITLAB_TOKEN: is empty — put a project access token (role Reporter, scope api) into the CI/CD variables, masked",
      ],
    );
  });

  it("validates the event", () => {
    const event = join(folder, "odd.json");
    const number = (text: string) => {
      writeFileSync(event, text);
      return forgeOf(gitHubEnv("https://api.github.example", "t", event))?.change;
    };
    expect(number('{"schedule":"17 3 * * *"}')).toBeUndefined();
    expect(number('{"pull_request":{"number":12}}')).toBe(12);
    expect(() => number("{")).toThrow("GITHUB_EVENT_PATH: is not a GitHub event");
    expect(() => number('{"pull_request":{"number":"12; rm"}}')).toThrow("is not a GitHub event");
    rmSync(event);
    expect(problems(gitHubEnv("https://api.github.example", "t", event)).join()).toContain("unreadable file");
  });

  it("has a URL, where the forge sets it", () => {
    const gitHub = {
      GITHUB_SERVER_URL: "https://github.example",
      GITHUB_REPOSITORY: "a/b",
      GITHUB_RUN_ID: "9",
    };
    expect(runUrlOf(gitHub)).toBe("https://github.example/a/b/actions/runs/9");
    expect(runUrlOf({ CI_JOB_URL: "https://gitlab.example/x/-/jobs/1" })).toBe(
      "https://gitlab.example/x/-/jobs/1",
    );
    expect(runUrlOf({ CI_JOB_URL: "https://x) [evil](https://y" })).toBeUndefined();
    expect(runUrlOf({})).toBeUndefined();
  });
});
