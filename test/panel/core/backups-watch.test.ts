/** The panel's look at backups: a notice of each problem, once. */
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { BackupsWatch } from "../../../panel/server/backups-watch.ts";
import { backup, FakeStorage } from "../../support/storage.ts";
import { removeFolder, temporaryFolder } from "../../support/temporary.ts";

const HOUR = 3_600_000;
const now = Date.parse("2026-11-30T12:00:00Z");
const last = (hours: number) => ({
  last: backup("shop", { at: new Date(now - hours * HOUR).toISOString() }),
});
let folder = "";
let storage = new FakeStorage();
let sent: string[] = [];
let reported: unknown[] = [];
let isDown = false;

beforeEach(() => {
  folder = temporaryFolder();
  mkdirSync(folder, { recursive: true });
  storage = new FakeStorage();
  [sent, reported, isDown] = [[], [], false];
});
afterEach(() => removeFolder(folder));

const watch = () =>
  new BackupsWatch({
    file: join(folder, "backups.json"),
    storage,
    projects: () => [{ name: "shop" }],
    notify: async (text) => {
      if (isDown) throw new Error("the webhook is unreachable");
      sent.push(text);
    },
    report: (error) => void reported.push(error),
    now: () => now,
  });
const set = (project: object) => {
  storage.state = {
    ...storage.state,
    backup: { to: "/b", everyMs: 24 * HOUR, projects: { shop: project } },
  };
};

it("notifies of a problem once, also after a restart, and again once it has been over", async () => {
  set(last(99));
  const one = watch();
  await one.look();
  await one.look();
  expect(sent).toEqual([expect.stringContaining("shop: its newest backup is of")]);
  expect(one.of({ name: "shop" })).toEqual({
    last: "2026-11-26T09:00:00.000Z",
    problem: expect.stringContaining("older than 36 h"),
  });
  await watch().look();
  expect(sent).toHaveLength(1);
  set(last(1));
  const next = watch();
  await next.look();
  expect(next.of({ name: "shop" })).toEqual({ last: "2026-11-30T11:00:00.000Z" });
  expect(JSON.parse(readFileSync(join(folder, "backups.json"), "utf8"))).toEqual([]);
  set(last(99));
  await next.look();
  expect(sent).toHaveLength(2);
});

it("retries a notice that was not delivered, and logs why once", async () => {
  set({ failed: { at: new Date(now).toISOString(), what: "the bucket is full" } });
  isDown = true;
  const one = watch();
  await one.look();
  await one.look();
  expect(reported).toHaveLength(1);
  isDown = false;
  await one.look();
  expect(sent).toEqual([expect.stringContaining("the bucket is full")]);
});

it("says nothing where backups are not set up, and keeps what it knew of a program that does not answer", async () => {
  set(last(1));
  const one = watch();
  await one.look();
  storage.refusals.set("status", { kind: "silent", reason: "x" });
  await one.look();
  expect(one.of({ name: "shop" })).toEqual({ last: "2026-11-30T11:00:00.000Z" });
  storage.refusals.clear();
  storage.state = { fileSystem: "other", running: [] };
  await one.look();
  expect([one.of({ name: "shop" }), sent, reported]).toEqual([undefined, [], []]);
});

it("has no problem of a project that is never backed up, whatever is left of its backups", async () => {
  set(last(99));
  const one = watch();
  await one.look();
  expect(one.of({ name: "shop", isExcluded: true })).toEqual({ last: "2026-11-26T09:00:00.000Z" });
});
