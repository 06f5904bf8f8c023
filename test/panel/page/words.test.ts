import { describe, expect, it } from "vitest";
import { PROJECT_STATES } from "../../../operate/docker/types.ts";
import { matches, stateChanges } from "../../../panel/page/listing.ts";
import type { ProjectView } from "../../../panel/page/model.ts";
import {
  ago,
  bytes,
  cores,
  duration,
  howLong,
  leftoverWords,
  meter,
  releaseLabel,
  sessionNames,
  stateLabel,
  stepLabel,
  typeLabel,
} from "../../../panel/page/words.ts";

const NOW = Date.parse("2026-03-10T12:00:00Z");
const passed = (seconds: number) => new Date(NOW - seconds * 1000).toISOString();

describe("time in words", () => {
  it.each([
    [0, "just now"],
    [59, "just now"],
    [60, "1 minute ago"],
    [3599, "59 minutes ago"],
    [2 * 3600, "2 hours ago"],
    [24 * 3600, "yesterday"],
    [3 * 24 * 3600, "3 days ago"],
    [20 * 24 * 3600, "2 weeks ago"],
    [45 * 24 * 3600, "last month"],
    [800 * 24 * 3600, "2 years ago"],
    [-30, "just now"],
  ])("%d seconds ago: %s", (seconds, words) => expect(ago(passed(seconds), NOW)).toBe(words));

  it("is undefined for an invalid time", () => expect(ago("yesterday-ish", NOW)).toBeUndefined());

  it.each([
    [59, ""],
    [60, "for 1 minute"],
    [2 * 3600, "for 2 hours"],
    [24 * 3600, "for 1 day"],
    [20 * 24 * 3600, "for 2 weeks"],
    [-30, ""],
  ])("so for %d seconds: %j", (seconds, words) => {
    const since = passed(seconds);
    expect(howLong(since, NOW)).toBe(words);
  });

  it("is empty for a state of an invalid time", () => expect(howLong("yesterday-ish", NOW)).toBe(""));

  it.each([
    [-5, "0 s"],
    [8400, "8 s"],
    [59_600, "1 min 0 s"],
    [125_000, "2 min 5 s"],
    [3_720_000, "1 h 2 min"],
  ])("%d ms take %s", (time, words) => expect(duration(time)).toBe(words));
});

describe("amounts", () => {
  it.each([
    [0, "0 MiB"],
    [1000, "under 1 MiB"],
    [612 * 2 ** 20, "612 MiB"],
    [20.5 * 2 ** 20, "20.5 MiB"],
    [1.5 * 2 ** 30, "1.5 GiB"],
    [64 * 2 ** 30, "64 GiB"],
  ])("%d bytes: %s", (value, words) => expect(bytes(value)).toBe(words));

  it.each([
    [0.001, "0"],
    [0.124, "0.12"],
    [1.996, "2"],
    [12.345, "12.3"],
  ])("%d processors: %s", (value, words) => expect(cores(value)).toBe(words));

  it("are a share of the limit, at most 1", () => {
    expect(meter({ used: 1, limit: 4 }, cores)).toEqual({ text: "1 of 4", share: 0.25, level: "low" });
    expect(meter({ used: 3.2, limit: 4 }, cores)).toMatchObject({ level: "high" });
    expect(meter({ used: 5, limit: 4 }, cores)).toEqual({ text: "5 of 4", share: 1, level: "full" });
  });

  it("have no share without a limit", () =>
    expect(meter({ used: 1, limit: 0 }, cores)).toEqual({ text: "1", share: undefined, level: "low" }));
});

describe("releases", () => {
  it("are shown with the change that is under way", () => {
    expect(releaseLabel({ release: "2.0.18" })).toBe("opencode 2.0.18");
    expect(releaseLabel({ release: "2.0.18", upgrade: "migrating, 412 of 1300 sessions" })).toBe(
      "opencode 2.0.18: migrating, 412 of 1300 sessions",
    );
  });

  it("name at most ten of the sessions that are left behind", () => {
    const sessions = Array.from({ length: 13 }, (_, index) => ({ id: `ses_${index}`, title: `s${index}` }));
    expect(sessionNames(sessions.slice(0, 10))).toEqual(sessions.slice(0, 10).map(({ title }) => title));
    expect(sessionNames(sessions)).toHaveLength(11);
    expect(sessionNames(sessions).at(-1)).toBe("and 3 more");
    expect(sessionNames([{ id: "ses_1", title: " " }])).toEqual(["ses_1"]);
    expect(sessionNames([])).toEqual([]);
  });
});

describe("states and steps", () => {
  it("have a distinct symbol for every state", () => {
    const symbols = PROJECT_STATES.map((state) => stateLabel(state).symbol);
    expect(new Set(symbols).size).toBe(PROJECT_STATES.length);
  });

  it("show an unknown state as is", () => {
    expect(stateLabel("hibernating").word).toBe("hibernating");
    expect(stateLabel("setting-up")).toMatchObject({ word: "setting up", tone: "busy" });
    expect(stateLabel("parked")).toMatchObject({ word: "being restored", tone: "busy" });
    expect(stateLabel("asleep")).toMatchObject({ word: "asleep", tone: "calm" });
    expect(stateLabel("constructor").word).toBe("constructor");
  });

  it("have labels for steps", () => {
    expect(stepLabel({ op: "create", status: "begun" })).toBe("creating");
    expect(stepLabel({ op: "delete", status: "done" })).toBe("deleted");
    expect(stepLabel({ op: "update", status: "failed" })).toBe("changing failed");
    expect(stepLabel({ op: "import", status: "done" })).toBe("import");
  });

  it("have labels for types, without paths", () => {
    expect(typeLabel("docker:index/container:Container")).toBe("docker container");
    expect(typeLabel("docker:index/remoteImage:RemoteImage")).toBe("docker remote image");
    expect(typeLabel("pulumi:pulumi:Stack")).toBe("stack");
    expect(typeLabel("command:local:Command")).toBe("command");
    expect(typeLabel("random:index/randomPassword:RandomPassword")).toBe("random password");
  });
});

describe("the list", () => {
  const project = (name: string, values: Partial<ProjectView> = {}): ProjectView => ({
    name,
    state: "running",
    url: "",
    attach: "",
    hasSetup: false,
    ports: [],
    listening: [],
    release: "1.18.33",
    members: [],
    owners: [],
    role: "admin",
    entry: { name },
    ...values,
  });

  it("matches all words of a filter in any field", () => {
    const shop = project("web-shop", {
      repo: "https://github.com/example/shop.git",
      members: ["a@b.example"],
    });
    expect(matches(shop, "SHOP running")).toBe(true);
    expect(matches(shop, "a@b")).toBe(true);
    expect(matches(shop, "shop stopped")).toBe(false);
    expect(matches(shop, "")).toBe(true);
    expect(matches({ ...shop, state: "asleep" }, "asleep")).toBe(true);
    expect(matches({ ...shop, state: "falling-asleep" }, "falling asleep")).toBe(true);
  });

  it("reports new states, new and removed projects only", () => {
    const was = [project("a"), project("b"), project("c", { memory: { used: 1, limit: 2 } })];
    const is = [
      project("a", { state: "stopped" }),
      project("c", { memory: { used: 2, limit: 2 } }),
      project("d"),
    ];
    expect(stateChanges(was, is)).toEqual(["a: stopped", "d: running", "b: removed"]);
    expect(stateChanges(is, is)).toEqual([]);
    // Of one that falls asleep or wakes, where that leads to.
    const [on, off] = [[project("a", { state: "falling-asleep" })], [project("a", { state: "asleep" })]];
    expect([stateChanges([project("a")], on), stateChanges(on, off)]).toEqual([[], ["a: asleep"]]);
  });
});

describe("what an earlier project left behind", () => {
  it("is asked about with its size and last use, as far as they are known", () => {
    const question = (more: object) => leftoverWords("shop", more).question;
    expect(question({ bytes: 12 * 2 ** 20, lastUsed: "2026-03-10T12:00:00Z" })).toBe(
      "An earlier project shop left its sessions, settings and files behind (12 MiB, last used 10 March 2026).",
    );
    expect(question({ bytes: 0 })).toContain("behind (0 MiB).");
    expect(question({})).toMatch(/ behind\.$/);
  });
});
