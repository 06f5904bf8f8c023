/** Every update starts from the branch's newest commit: a stale checkout would give back what others have taken from somebody. */
import { writeFileSync } from "node:fs";
import { beforeEach, expect, it } from "vitest";
import type { RunUpdate } from "../../../operate/engine/update-events.ts";
import type { OperationQueue } from "../../../panel/server/platform/operations.ts";
import type { Operation } from "../../../panel/server/platform/types.ts";
import {
  at,
  endOf,
  git,
  nothing,
  openBranch,
  read,
  start,
  useBranchWorld,
  WITH_EVE,
} from "../../support/panel/branch-world.ts";
import { ended, FakeUpdate } from "../../support/panel/core-world.ts";

const WITHOUT = WITH_EVE.replace(", eve@example.com", "");

/** The texts of projects.yaml that updates have applied. */
let applied: string[] = [];
const applies: RunUpdate = async () => {
  applied.push(read());
  return { state: "succeeded" };
};

useBranchWorld();
beforeEach(() => {
  applied = [];
});

/** Somebody takes a person off the list, and CI applies it. */
async function takeAway(): Promise<void> {
  writeFileSync(at("lead/projects.yaml"), WITHOUT);
  await git("lead", "commit", "--quiet", "-am", "Take Eve off");
  await git("lead", "push", "--quiet", "origin", "main");
}

const open = (update: RunUpdate = applies): OperationQueue => openBranch(() => ({ update }));

it("an act that changes nothing lets nobody in again", async () => {
  await takeAway();
  const queue = open();
  expect(await endOf(queue, await queue.submit(start))).toMatchObject({ state: "succeeded" });
  expect(applied).toEqual([WITHOUT]);
});

it("nor does a deletion of leftovers, which edits nothing", async () => {
  await takeAway();
  const queue = open();
  await endOf(queue, await queue.submit(nothing));
  expect(applied).toEqual([WITHOUT]);
});

it("nor an update that had to wait for another", async () => {
  const update = new FakeUpdate();
  const queue = open(update.run);
  await queue.submit(start);
  const first = await update.nth(1);
  const second = await queue.submit(start);
  await takeAway();
  first.end({ state: "succeeded" });
  const { end } = await update.nth(2);
  expect(read()).toBe(WITHOUT);
  end({ state: "succeeded" });
  await ended(queue, second.id);
});

/** Stops the panel in the middle of an update. */
async function interruptUpdate(): Promise<void> {
  const update = new FakeUpdate();
  const before = open(update.run);
  await before.submit(start);
  await update.nth(1);
  await before.close();
}

it("nor the recovery of an interrupted update", async () => {
  await interruptUpdate();
  await takeAway();
  const after = open();
  await after.recover();
  const [recovery] = after.list();
  expect(await endOf(after, recovery as Operation)).toMatchObject({ state: "succeeded" });
  expect(applied).toEqual([WITHOUT]);
});

it("rights are judged on the newest text, and on what others push while it is edited", async () => {
  await takeAway();
  const judged: string[] = [];
  const queue = open();
  const stop = { ...start, edit: { ...start.edit, values: { state: "stopped" } } } as const;
  await queue.submit({
    ...stop,
    authorize: (text) => void judged.push(text),
    atOnce: async () => {
      writeFileSync(at("lead/projects.yaml"), `${WITHOUT}  - name: other\n`);
      await git("lead", "commit", "--quiet", "-am", "Add another");
      await git("lead", "push", "--quiet", "origin", "main");
    },
  });
  expect(judged[0]).toBe(WITHOUT);
  expect(judged.at(-1)).toBe(`${WITHOUT}  - name: other\n`);
  const refused = queue.submit({
    ...start,
    edit: { ...start.edit, values: { state: null } },
    authorize: (text) => {
      if (!text.includes("eve@example.com")) throw new Error("was taken off");
    },
    atOnce: () => Promise.reject(new Error("must not be done")),
  });
  await expect(refused).rejects.toThrow("was taken off");
  expect(read()).toContain("state: stopped");
});

it("no update runs while the remote can't be reached", async () => {
  await interruptUpdate();
  await git("checkout", "remote", "set-url", "origin", at("nowhere.git"));
  const queue = open();
  await expect(queue.submit(start)).rejects.toThrow("git fetch failed");
  await expect(queue.submit(nothing)).rejects.toThrow("git fetch failed");
  await queue.recover();
  expect(await endOf(queue, queue.list()[0] as Operation)).toMatchObject({ state: "failed" });
  expect(applied).toEqual([]);
});

it("no update runs from commits that the branch has not, such as ones that were taken back", async () => {
  await interruptUpdate();
  await takeAway();
  await git("checkout", "pull", "--quiet", "origin", "main");
  await git("lead", "push", "--quiet", "--force", "origin", "HEAD~1:main");
  const queue = open();
  await expect(queue.submit(start)).rejects.toThrow("has commits that main of origin has not");
  await queue.recover();
  const failed = await endOf(queue, queue.list()[0] as Operation);
  expect(failed).toMatchObject({ state: "failed", error: expect.stringContaining("push them") });
  expect(applied).toEqual([]);
});

it("an invalid file of the branch is not applied, and is not replaced by the last valid one", async () => {
  writeFileSync(at("lead/projects.yaml"), "projects: [{ name: NOT VALID }]\n");
  await git("lead", "commit", "--quiet", "-am", "Break it");
  await git("lead", "push", "--quiet", "origin", "main");
  const queue = open();
  await expect(
    queue.submit({ ...start, edit: { ...start.edit, values: { state: "stopped" } } }),
  ).rejects.toThrow();
  expect(read()).toContain("NOT VALID");
  expect(applied).toEqual([]);
});
