import { describe, expect, it } from "vitest";
import type { Entry } from "../../../panel/page/model.ts";
import { errorsByField, fieldOf, sentence } from "../../../panel/page/problems.ts";

const entry: Entry = {
  name: "a",
  git: { auth: "token", secret: "GIT_TOKEN" },
  secrets: ["GIT_TOKEN", "KEY"],
};
const rows = ["", "KEY"];

describe("the field of a problem", () => {
  it.each([
    ["name", "name"],
    ["resources.memory", "memory"],
    ["sleep.after", "sleep"],
    ["resources.cpus", "cpus"],
    ["git", "auth"],
    ["git.secret", "tokenSecret"],
    ["git.knownHosts.1", "knownHosts"],
    ["git.knownHosts[1]", "knownHosts"],
    ["members.2", "members"],
    ["members[2]", "members"],
    ["opencode.model", "model"],
    ["secrets", "secrets"],
    ["secrets.1", "secret-name:1"],
    ["secrets[0]", "tokenSecret"],
    ["secrets.9", "secrets"],
    ["secretValues.KEY", "secret-value:1"],
    ["secretValues.GIT_TOKEN", "tokenValue"],
  ])("%s: %s", (path, place) => expect(fieldOf(path, entry, rows)).toBe(place));

  it.each(["env.A", "resources.pids", "depth", "", "constructor", "secretValues.OTHER", "opencode.config.x"])(
    "%s belongs to no field",
    (path) => expect(fieldOf(path, entry, rows)).toBeUndefined(),
  );

  it("groups problems by field, and separates the others", () => {
    const problems = ["members.0", "members.1", "env.A"].map((path) => ({ path, message: path }));
    const { fields, others } = errorsByField(problems, entry, rows);
    expect(fields.get("members")?.map(({ message }) => message)).toEqual(["members.0", "members.1"]);
    expect(others.map(({ path }) => path)).toEqual(["env.A"]);
  });
});

it("formats a problem and its fix as sentences", () => {
  expect(sentence({ message: "is missing" })).toBe("Is missing");
  expect(sentence({ message: "is missing", fix: "write projects: []" })).toBe(
    "Is missing. Write projects: [].",
  );
});
