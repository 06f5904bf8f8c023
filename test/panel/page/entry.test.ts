import { describe, expect, it } from "vitest";
import {
  changesOf,
  entryOf,
  type Fields,
  fieldsOf,
  hiddenKeys,
  mergeChanges,
  secretValuesOf,
} from "../../../panel/page/entry.ts";
import type { Entry } from "../../../panel/page/model.ts";

const full: Entry = {
  name: "web-shop",
  repo: "https://github.com/example/web-shop.git",
  branch: "main",
  depth: 50,
  state: "running",
  resources: { memory: "4GiB", cpus: 2, pids: 1024 },
  sleep: { after: "2h", pending: true },
  env: { LOG_LEVEL: "debug" },
  secrets: ["GITHUB_TOKEN", "ANTHROPIC_API_KEY"],
  git: { auth: "token", secret: "GITHUB_TOKEN", username: "oauth2" },
  opencode: { model: "anthropic/claude-sonnet-4-5", config: { autoupdate: false } },
  members: ["dev@example.com", "shop"],
};
const ssh: Entry = {
  name: "a",
  git: { auth: "ssh", knownHosts: ["host ssh-ed25519 AAAA", "other ssh-rsa BBBB"] },
};
const typed = (values: Partial<Fields>, base?: Entry): Fields => ({ ...fieldsOf(base), ...values });

describe("an entry in the form", () => {
  it.each([[full], [ssh], [{ name: "least" }], [{ name: "a", git: { auth: "none" } as const, secrets: [] }]])(
    "survives a round trip, and an untouched form changes nothing",
    (entry) => {
      expect(entryOf(fieldsOf(entry), entry)).toEqual(entry);
      expect(changesOf(entry, fieldsOf(entry))).toEqual({});
    },
  );

  it("sleeps after what is typed, keeps what the form does not show, and never with one word", () => {
    const sleepOf = (sleep: string, base: Entry) => entryOf(typed({ sleep }, base), base).sleep;
    expect(sleepOf("1h", full)).toEqual({ after: "1h", pending: true });
    expect(sleepOf("", full)).toEqual({ pending: true });
    expect(sleepOf("never", full)).toBe("never");
    expect(sleepOf("", { name: "a", sleep: "never" })).toBeUndefined();
    expect(sleepOf("30m", { name: "a", sleep: "never" })).toEqual({ after: "30m" });
    expect(entryOf(fieldsOf({ name: "a", sleep: {} }), { name: "a", sleep: {} })).toEqual({
      name: "a",
      sleep: {},
    });
  });

  it("is minimal for a name only", () =>
    expect(entryOf(typed({ name: " sandbox " }))).toEqual({ name: "sandbox" }));

  it("has all typed fields", () => {
    const fields = typed({
      name: "shop",
      repo: "https://github.com/example/shop.git",
      auth: "token",
      memory: "1GiB",
      cpus: "0.5",
      model: "a/b",
      members: "a@example.com, shop;b@example.com\n",
      secrets: [
        { name: "KEY", value: "k" },
        { name: "", value: "" },
      ],
      tokenValue: "t",
    });
    expect(entryOf(fields)).toEqual({
      name: "shop",
      repo: "https://github.com/example/shop.git",
      git: { auth: "token", secret: "GIT_TOKEN" },
      resources: { memory: "1GiB", cpus: 0.5 },
      opencode: { model: "a/b" },
      members: ["a@example.com", "shop", "b@example.com"],
      secrets: ["KEY", "GIT_TOKEN"],
    });
    expect(secretValuesOf(fields)).toEqual({ KEY: "k", GIT_TOKEN: "t" });
  });

  it("keeps an invalid number for the server to report", () =>
    expect(entryOf(typed({ name: "a", cpus: "two" })).resources).toEqual({ cpus: "two" }));

  it("keeps what it doesn't show of git, as far as the way of authenticating has it", () => {
    const author = { name: "Shop agent", email: "shop@example.com" };
    const base: Entry = { name: "a", git: { auth: "ssh", sign: true, ...author } };
    expect(entryOf(fieldsOf(base), base)).toEqual(base);
    expect(entryOf(typed({ auth: "none" }, base), base).git).toEqual(author);
    expect(entryOf(typed({ auth: "token", tokenSecret: "T" }, base), base).git).toEqual({
      auth: "token",
      secret: "T",
      ...author,
    });
    const withForge: Entry = {
      name: "a",
      git: { auth: "token", secret: "T", forge: "gitlab" },
      secrets: ["T"],
    };
    expect(entryOf(fieldsOf(withForge), withForge)).toEqual(withForge);
    expect(entryOf(typed({ auth: "none" }, withForge), withForge).git).toBeUndefined();
  });

  it("does not send the token of another auth", () =>
    expect(secretValuesOf(typed({ auth: "none", tokenValue: "t" }))).toEqual({}));
});

describe("a change", () => {
  it("sends only the keys that differ, including their parts outside the form", () =>
    expect(changesOf(full, typed({ memory: "2GiB", model: "" }, full))).toEqual({
      resources: { memory: "2GiB", cpus: 2, pids: 1024 },
      opencode: { config: { autoupdate: false } },
    }));

  it("removes keys with null", () =>
    expect(changesOf(full, typed({ branch: "", members: "", auth: "none", secrets: [] }, full))).toEqual({
      branch: null,
      members: null,
      git: null,
      secrets: null,
    }));

  it("lists the keys outside the form", () =>
    expect(hiddenKeys(full)).toEqual(["depth", "env", "resources.pids", "opencode.config"]));
});

describe("an entry that changed while the form was open", () => {
  it("updates untouched fields, keeps edited ones, and reports fields changed by both", () => {
    const theirs: Entry = {
      ...full,
      branch: "next",
      repo: "https://example.com/other.git",
      members: ["shop"],
    };
    const { fields, conflicts } = mergeChanges(full, typed({ branch: "mine", memory: "8GiB" }, full), theirs);
    expect(fields).toMatchObject({
      branch: "mine",
      memory: "8GiB",
      repo: "https://example.com/other.git",
      members: "shop",
    });
    expect(conflicts).toEqual([{ field: "branch", remote: "next" }]);
    expect(changesOf(theirs, fields)).toEqual({
      branch: "mine",
      resources: { memory: "8GiB", cpus: 2, pids: 1024 },
    });
  });

  it("is no conflict if both have the same value", () =>
    expect(
      mergeChanges(full, typed({ branch: "next" }, full), { ...full, branch: "next" }).conflicts,
    ).toEqual([]));

  it("merges secrets and keeps typed values", () => {
    const base: Entry = { name: "a", secrets: ["KEPT", "THEY_DROP", "I_DROP", "I_TYPED"] };
    const mine = typed(
      {
        secrets: [
          { name: "KEPT", value: "" },
          { name: "THEY_DROP", value: "" },
          { name: "I_TYPED", value: "v" },
          { name: "MINE", value: "m" },
        ],
      },
      base,
    );
    const theirs: Entry = { name: "a", secrets: ["KEPT", "I_DROP", "THEIRS"] };
    expect(mergeChanges(base, mine, theirs).fields.secrets).toEqual([
      { name: "KEPT", value: "" },
      { name: "I_TYPED", value: "v" },
      { name: "MINE", value: "m" },
      { name: "THEIRS", value: "" },
    ]);
  });
});
