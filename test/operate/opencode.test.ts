import { describe, expect, it } from "vitest";
import { OPENCODE, OPENCODE_2 } from "../../config/versions.ts";
import { apiFor } from "../../opencode/api/index.ts";
import type { RunDocker } from "../../operate/docker/containers.ts";
import { checkReleases } from "../../operate/doctor/releases.ts";
import { setRelease } from "../../operate/opencode/release.ts";
import { findCopy, parseCopy, sessionsSince } from "../../operate/opencode/rollback.ts";
import { readUpgrade } from "../../operate/opencode/upgrade-log.ts";
import { followUpgrades, takeBackFailed } from "../../operate/opencode/upgrades.ts";
import { complaints } from "../support/complaints.ts";

describe("a container's log", () => {
  it.each([
    ["", { state: "none" }],
    ["[workspace] cloned\nserver listening", { state: "none" }],
    ["[upgrade] upgrading from 1.18.33\n[workspace] x", { state: "running", line: "upgrading from 1.18.33" }],
    [
      "[upgrade] upgrading from 1.18.33\n[upgrade] migrating, 412 of 1300 sessions",
      { state: "running", line: "migrating, 412 of 1300 sessions" },
    ],
    ["[upgrade] upgrading from 1\n[upgrade] upgraded from 1", { state: "done", line: "upgraded from 1" }],
    [
      "[upgrade] upgrade from 1.18.33 failed: no room for a copy",
      { state: "failed", from: "1.18.33", reason: "no room for a copy" },
    ],
    [
      "[upgrade] upgrade from 1.18.33 failed: \u001b]0;x\u0007\u202eno room",
      { state: "failed", from: "1.18.33", reason: "no room" },
    ],
    ["an agent prints: [upgrade] upgrade from 1 failed: not by us", { state: "none" }],
  ])("%j is read as it stands", (log, state) => {
    expect(readUpgrade(log)).toEqual(state);
  });
});

describe("setRelease", () => {
  const file = "# ours\nprojects:\n  - name: web   # the shop\n  - { name: api, opencode: { model: a/b } }\n";

  it("adds or changes the release of one entry, and keeps every other byte", () => {
    const web = setRelease(file, "web", "2");
    expect(web).toContain("# ours\nprojects:\n  - name: web   # the shop\n");
    expect(web).toContain("version: ");
    expect(setRelease(file, "api", "1.18.30")).toBe(
      file.replace("{ model: a/b }", "{ model: a/b, version: 1.18.30 }"),
    );
    expect(setRelease(setRelease(file, "web", "2"), "web", "1.18.33")).toContain("1.18.33");
  });

  it("names an entry that is not there", () => {
    expect(complaints(() => setRelease(file, "shop", "2"))[0]).toContain("shop: is not in projects.yaml");
  });
});

describe("doctor", () => {
  const project = (name: string, version: string) => ({
    name,
    opencode: { version, config: {}, enforce: {} },
  });

  it("says which releases run, which are older than the pinned one, and that 2 is a choice", () => {
    const findings = checkReleases([project("web", OPENCODE), project("api", "1.18.3")]);
    expect(findings.map(({ verdict, text }) => `${verdict} ${text}`)).toEqual([
      `ok opencode: ${OPENCODE} in 1 project, 1.18.3 in 1 project`,
      `note api: runs opencode 1.18.3; ${OPENCODE} is pinned`,
      `note opencode: ${OPENCODE_2} is a choice for each project`,
    ]);
    expect(findings[1]?.fix).toBe("npm run opencode -- upgrade api 1");
  });

  it("offers nothing to those who have chosen, nor to nobody", () => {
    expect(checkReleases([project("web", OPENCODE_2)])).toHaveLength(1);
    expect(checkReleases([])).toEqual([]);
  });
});

describe("what a project goes back to", () => {
  const run =
    (answers: Readonly<Record<string, string>>): RunDocker =>
    async (args) => {
      const command = args.join(" ");
      const [, stdout] = Object.entries(answers).find(([part]) => command.includes(part)) ?? [];
      return { code: stdout === undefined ? 1 : 0, stdout: stdout ?? "", stderr: "" };
    };

  it("is the newest copy of another release", async () => {
    const names = "20261101T101500Z_1.18.30\n20261129T131500Z_1.18.33\n20261129T140000Z_2.0.14\n.part\n";
    expect(await findCopy(run({ copies: names }), "web", "2.0.14")).toEqual({
      release: "1.18.33",
      madeAt: Date.UTC(2026, 10, 29, 13, 15),
    });
  });

  it("is nothing without a copy, which says what to do instead", async () => {
    await expect(findCopy(run({}), "web", "2.0.14")).rejects.toThrow("set opencode.version in projects.yaml");
  });

  it("leaves the sessions behind that were used since", async () => {
    const time = (updated: number) => ({ created: 1, updated });
    const data = [
      { id: "ses_2", title: "after", time: time(20) },
      { id: "ses_1", title: "before", time: time(5) },
    ];
    const docker = run({ [apiFor("2.0.14").sessions(500).path]: JSON.stringify({ data, cursor: {} }) });
    expect((await sessionsSince(docker, "web", "2.0.14", 10)).map(({ title }) => title)).toEqual(["after"]);
  });

  it("names sessions without what a terminal obeys in a title", async () => {
    const data = [{ id: "ses_1", title: "\u001b[2Jafter\u202e", time: { created: 1, updated: 20 } }];
    const docker = run({ [apiFor("2.0.14").sessions(500).path]: JSON.stringify({ data, cursor: {} }) });
    expect((await sessionsSince(docker, "web", "2.0.14", 10))[0]?.title).toBe("after");
  });

  it("takes no other folder for a copy", () => {
    for (const name of [".part", "copies", "20261129T131500Z_", "2026_1.18.33"])
      expect(parseCopy(name)).toBeUndefined();
  });
});

describe("followUpgrades", () => {
  const ENDED = { failed: [], changing: [] };
  /** Docker with one container, whose log goes on with each look. */
  function docker(
    logs: readonly string[],
    health: string | readonly string[] = "starting",
    releases: readonly string[] = [],
  ): RunDocker {
    let look = 0;
    const healthNow = () => (typeof health === "string" ? health : health[Math.min(look, health.length - 1)]);
    const container = () => ({
      Name: "/web",
      Config: { Labels: { "dev.opencode-platform.project": "web" } },
      State: {
        Status: healthNow() === "stopped" ? "exited" : "running",
        Health: { Status: healthNow(), Log: [{ Output: "serving; workspace: kept" }] },
      },
    });
    return async ([command]) => {
      if (command === "ps") return { code: 0, stdout: "id1\n", stderr: "" };
      if (command === "container") return { code: 0, stdout: JSON.stringify([container()]), stderr: "" };
      if (command === "exec") return { code: 0, stdout: releases.join("\n"), stderr: "" };
      return { code: 0, stdout: "", stderr: logs[Math.min(look++, logs.length - 1)] ?? "" };
    };
  }

  it("tells each step once, and ends when the project has another release", async () => {
    const lines: string[] = [];
    const run = docker([
      "[upgrade] upgrading from 1.18.33\n",
      "[upgrade] migrating, 2 of 3 sessions\n",
      "[upgrade] upgraded from 1.18.33\n",
    ]);
    expect(await followUpgrades({ run, prefix: "opencode", notify: (line) => lines.push(line) })).toEqual(
      ENDED,
    );
    expect(lines).toEqual([
      "web: upgrading from 1.18.33",
      "web: migrating, 2 of 3 sessions",
      "web: upgraded from 1.18.33",
    ]);
  });

  it("tells the end of a change that is over, and its container healthy, at the second look", async () => {
    const lines: string[] = [];
    const logs = ["[upgrade] upgrading from 1.18.33\n", "[upgrade] upgraded from 1.18.33\n"];
    const run = docker(logs, ["starting", "healthy"]);
    expect(await followUpgrades({ run, prefix: "opencode", notify: (line) => lines.push(line) })).toEqual(
      ENDED,
    );
    expect(lines).toEqual(["web: upgrading from 1.18.33", "web: upgraded from 1.18.33"]);
  });

  it("returns what failed, with the release to go back to", async () => {
    const run = docker(["[upgrade] upgrade from 1.18.33 failed: no room\n"]);
    expect(await followUpgrades({ run, prefix: "opencode", notify: () => {} })).toEqual({
      failed: [{ project: "web", from: "1.18.33", reason: "no room" }],
      changing: [],
    });
  });

  it.each([
    { releases: ["1.18.33", "2.0.14"], followed: true },
    { releases: ["1", "2.0.14"], followed: true },
    { releases: ["1", "1.18.33"], followed: false },
    { releases: ["2.0.14", "2.0.14"], followed: false },
    // Without sessions, or with a failure that is known.
    { releases: ["2.0.14"], followed: false },
    { releases: [], followed: false },
  ])("waits for a container that starts with $releases as they differ", async ({ releases, followed }) => {
    const lines: string[] = [];
    const run = docker(["", "[upgrade] upgraded from 1.18.33\n"], ["starting", "healthy"], releases);
    await followUpgrades({ run, prefix: "opencode", notify: (line) => lines.push(line) });
    expect(lines).toEqual(followed ? ["web: upgraded from 1.18.33"] : []);
  });

  it("reads no log of a project that is settled", async () => {
    const run = docker(["[upgrade] upgrade from 1.18.33 failed: long ago\n"], "healthy");
    expect(await followUpgrades({ run, prefix: "opencode", notify: () => {} })).toEqual(ENDED);
  });

  it("ends with a sentence when a change never ends", async () => {
    const run = docker(["[upgrade] migrating\n"]);
    const parts = { run, prefix: "opencode", notify: () => {}, timeoutMs: 0 };
    await expect(takeBackFailed(parts, async () => "")).rejects.toThrow(
      "web: is still changing its release of opencode",
    );
  });

  it("waits for no project that was stopped meanwhile", async () => {
    const run = docker(["[upgrade] upgrading from 1.18.33\n"], ["starting", "stopped"]);
    expect(await followUpgrades({ run, prefix: "opencode", notify: () => {} })).toEqual(ENDED);
  });

  it("takes back what has failed at once, and follows the others to their end", async () => {
    const events: string[] = [];
    let looks = 0;
    const run: RunDocker = async ([command, ...args]) => {
      const container = (name: string) => ({
        Name: `/${name}`,
        Config: { Labels: { "dev.opencode-platform.project": name } },
        State: { Status: "running", Health: { Status: "unhealthy", Log: [] } },
      });
      const logs: Record<string, string> = {
        bad: events.includes("bad") ? "" : "[upgrade] upgrade from 1.18.33 failed: no room",
        slow: looks < 3 ? "[upgrade] migrating, 1 of 3 sessions" : "[upgrade] upgraded from 1.18.33",
      };
      if (command === "ps") return { code: 0, stdout: "id1\nid2\n", stderr: "" };
      if (command === "container")
        return { code: 0, stdout: JSON.stringify(["bad", "slow"].map(container)), stderr: "" };
      if (args.at(-1) === "slow") looks++;
      return { code: 0, stdout: logs[args.at(-1) ?? ""] ?? "", stderr: "" };
    };
    const notify = (line: string) => events.push(line);
    const succeeded = await takeBackFailed(
      { run, prefix: "opencode", notify },
      async ({ project }) => project,
    );
    expect(succeeded).toBe(false);
    expect(events.indexOf("bad")).toBeGreaterThan(-1);
    expect(events.indexOf("bad")).toBeLessThan(events.indexOf("slow: upgraded from 1.18.33"));
  });
});
