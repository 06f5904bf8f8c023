import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type ActivityRecord, evaluate, markNotified } from "../../../panel/server/activity/idle.ts";
import { ActivityMonitor, type ActivityParts } from "../../../panel/server/activity/watch.ts";
import { RELEASE } from "../../support/opencode.ts";

const DAY = 86_400_000;

describe("the notice of an idle project", () => {
  const running = (lastActivity?: number) => ({ isRunning: true, lastActivity });

  /** Evaluates one check per day; returns the days with a notice. */
  function noticeDays(
    checks: readonly { isRunning: boolean; lastActivity?: number | undefined }[],
    idleDays = 3,
  ) {
    let known: ActivityRecord | undefined;
    return checks.flatMap((seen, day) => {
      const decision = evaluate(known, seen, idleDays, day * DAY);
      known = decision.idleDays === undefined ? decision.known : markNotified(decision.known);
      return decision.idleDays === undefined ? [] : [`day ${day}: ${decision.idleDays}`];
    });
  }

  it("is sent once, and again after new activity", () => {
    const looks = Array.from({ length: 14 }, (_, day) => running(day < 6 ? 0 : 6 * DAY));
    expect(noticeDays(looks)).toEqual(["day 3: 3", "day 9: 3"]);
  });

  it("counts from the first check of a project that was never used", () => {
    expect(noticeDays(Array(8).fill(running()))).toEqual(["day 3: 3"]);
  });

  it("is not sent at a panel's first check", () => {
    expect(evaluate(undefined, running(1 * DAY), 3, 100 * DAY).idleDays).toBeUndefined();
  });

  it("is not sent for a stopped project, whose idle time restarts when it runs", () => {
    const looks = Array.from({ length: 12 }, (_, day) => ({ isRunning: day >= 5, lastActivity: 0 }));
    expect(noticeDays(looks)).toEqual(["day 7: 3"]);
  });

  it("is never sent without idleDays", () => {
    expect(evaluate({ since: 0 }, running(0), undefined, 1000 * DAY).idleDays).toBeUndefined();
  });

  it("is sent at most once per activity, for any checks", () => {
    const look = fc.record({
      isRunning: fc.constant(true),
      lastActivity: fc.option(fc.nat(60 * DAY), { nil: undefined }),
    });
    fc.assert(
      fc.property(fc.array(look, { maxLength: 60 }), (looks) => {
        const activities = new Set(looks.map(({ lastActivity }) => lastActivity));
        expect(noticeDays(looks).length).toBeLessThanOrEqual(activities.size + 1);
      }),
    );
  });
});

describe("the activity monitor", () => {
  let folder = "";
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "panel-api-"));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const watch = (over: Partial<ActivityParts>) =>
    new ActivityMonitor({
      file: join(folder, "activity.json"),
      projects: () => [
        { name: "web-shop", isRunning: true, url: "http://web-shop.localhost/", version: RELEASE },
      ],
      fetchActivity: async () => 5,
      idleDays: 1,
      notify: async () => {},
      report: (error) => {
        throw error;
      },
      ...over,
    });

  it("sends a notice once, also across a restart, and forgets removed projects", async () => {
    const notices: string[] = [];
    let now = 0;
    const parts = { notify: async (text: string) => void notices.push(text), now: () => now };
    const first = watch(parts);
    await first.check();
    now = 2 * DAY;
    await first.check();
    await first.check();
    expect(notices).toEqual([expect.stringMatching(/^web-shop has not been used for a day: http:/)]);
    const second = watch(parts);
    expect(second.of("web-shop")).toBe("1970-01-01T00:00:00.005Z");
    await second.check();
    expect(notices).toHaveLength(1);
    const third = watch({ ...parts, projects: () => [] });
    await third.check();
    expect(third.of("web-shop")).toBeUndefined();
  });

  it("retries an undelivered notice at the next check", async () => {
    const [notices, reported]: [string[], unknown[]] = [[], []];
    let now = 0;
    let isDown = true;
    let isSilent = false;
    const look = watch({
      fetchActivity: async () => (isSilent ? Promise.reject(new Error("busy")) : 5),
      now: () => now,
      report: (error) => void reported.push(error),
      notify: async (text) => {
        if (isDown) throw new Error("down");
        notices.push(text);
      },
    });
    await look.check();
    expect(look.hasPendingNotices).toBe(false);
    now = 3 * DAY;
    await look.check();
    expect(look.hasPendingNotices).toBe(true);
    isSilent = true;
    await look.check();
    isSilent = false;
    await look.check(); // retried, with the same reason
    expect([reported.length, look.hasPendingNotices]).toEqual([1, true]);
    isDown = false;
    await look.check();
    expect([notices.length, reported.length, look.hasPendingNotices]).toEqual([1, 1, false]);
  });

  it("does not repeat a notice after a project was down for a while, as after a reboot", async () => {
    const notices: string[] = [];
    let now = 0;
    let isDown = false;
    const rebooted = watch({
      now: () => now,
      notify: async (text) => void notices.push(text),
      fetchActivity: async () => (isDown ? Promise.reject(new Error("down")) : 5),
    });
    for (const [day, down] of [
      [0, false],
      [2, false],
      [3, true],
      [9, false],
    ] as const) {
      now = day * DAY;
      isDown = down;
      await rebooted.check();
    }
    expect(notices).toHaveLength(1);
  });

  it("does not count a project that is not responding as idle", async () => {
    const notices: string[] = [];
    let now = 0;
    const silent = watch({
      now: () => now,
      notify: async (text) => void notices.push(text),
      fetchActivity: async () => Promise.reject(new Error("starting")),
    });
    await silent.check();
    now = 9 * DAY;
    await silent.check();
    expect(notices).toEqual([]);
  });
});
