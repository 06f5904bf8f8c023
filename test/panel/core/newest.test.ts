/** Every update starts from the branch's newest commit: a stale checkout would give back what others have taken from somebody. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { loadProjects } from "../../../config/projects/load.ts";
import type { RunUpdate } from "../../../operate/engine/update-events.ts";
import { makeApplyChange } from "../../../panel/server/platform/change.ts";
import { OperationQueue } from "../../../panel/server/platform/operations.ts";
import { ProjectsFile } from "../../../panel/server/platform/projects-file.ts";
import { Repository } from "../../../panel/server/platform/repository.ts";
import type { Operation } from "../../../panel/server/platform/types.ts";
import { mustExec } from "../../../toolchain/lib/exec.ts";
import { ended, FakeUpdate, person, secrets } from "../../support/panel/core-world.ts";

const WITH_EVE = "projects:\n  - name: shop\n    members: [ben@example.com, eve@example.com]\n";
const WITHOUT = WITH_EVE.replace(", eve@example.com", "");

let folder: string;
let queues: OperationQueue[] = [];
/** The texts of projects.yaml that updates have applied. */
let applied: string[] = [];
const at = (name: string) => join(folder, name);
const git = (cwd: string, ...args: string[]) =>
  mustExec("git", ["-c", "user.name=Lead", "-c", "user.email=lead@example.com", ...args], {
    cwd: at(cwd),
    timeoutMs: 30_000,
  });
const read = () => readFileSync(at("checkout/projects.yaml"), "utf8");
const applies: RunUpdate = async () => {
  applied.push(read());
  return { state: "succeeded" };
};

beforeEach(async () => {
  [folder, queues, applied] = [mkdtempSync(join(tmpdir(), "panel-core-")), [], []];
  await git(".", "init", "--quiet", "--bare", "--initial-branch=main", "origin.git");
  await git(".", "init", "--quiet", "--initial-branch=main", "lead");
  writeFileSync(at("lead/projects.yaml"), WITH_EVE);
  await git("lead", "add", ".");
  await git("lead", "commit", "--quiet", "-m", "Begin");
  await git("lead", "remote", "add", "origin", at("origin.git"));
  await git("lead", "push", "--quiet", "origin", "main");
  await git(".", "clone", "--quiet", "origin.git", "checkout");
});
afterEach(async () => {
  await Promise.all(queues.map((queue) => queue.close()));
  rmSync(folder, { recursive: true });
});

/** Somebody takes a person off the list, and CI applies it. */
async function takeAway(): Promise<void> {
  writeFileSync(at("lead/projects.yaml"), WITHOUT);
  await git("lead", "commit", "--quiet", "-am", "Take Eve off");
  await git("lead", "push", "--quiet", "origin", "main");
}

function open(update: RunUpdate = applies): OperationQueue {
  const check = (text: string) => void loadProjects(text, { file: "projects.yaml", stack: "local" });
  const file = new ProjectsFile(at("checkout/projects.yaml"), check);
  const settings = { remote: "origin", branch: "main" };
  const repository = new Repository(at("checkout"), "local", settings, { file, check });
  const queue = new OperationQueue({
    directory: at("journal"),
    apply: makeApplyChange({ file, secrets: secrets(), repository }),
    catchUp: () => repository.catchUp(),
    update,
  });
  queues.push(queue);
  return queue;
}

/** A click on Start of a project that runs: it changes nothing. */
const nothing = { person, what: "start shop", project: "shop" } as const;
const start = { ...nothing, edit: { kind: "change", name: "shop", values: {} } } as const;

async function endOf(queue: OperationQueue, { id }: Operation): Promise<Operation | undefined> {
  await ended(queue, id);
  return queue.get(id);
}

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
