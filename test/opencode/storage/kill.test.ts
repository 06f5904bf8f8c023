/** The storage program ends at every step of what it does; whatever it has left, its next start leads to a project with all it had, or all it was given. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  fill,
  forget,
  kept,
  makeStorageWorld,
  partPath,
  putProject,
  type StorageWorld,
  startStorage,
  words,
} from "../../support/opencode/storage-world.ts";
import { removeFolder, temporaryFolder } from "../../support/temporary.ts";

const [PROJECT, OTHER] = ["web", "try"];
type Program = Awaited<ReturnType<typeof startStorage>>;

/** What a program is in the middle of. */
interface Scenario {
  readonly name: string;
  /** The project whose parts are looked at, before and after. */
  readonly project: string;
  readonly before: string;
  readonly after: string;
  prepare(world: StorageWorld): Promise<void>;
  act(program: Program): Promise<unknown>;
  /** What happens while no program runs. */
  meanwhile?(world: StorageWorld): void;
}

/** A checkpoint of `first` in a project that has `second`. */
async function checkpointed(world: StorageWorld): Promise<void> {
  putProject(world, PROJECT, "awake");
  fill(world, PROJECT, "first");
  const program = await startStorage(world);
  await program.left;
  await program.ask("checkpoint", { project: PROJECT, label: "good" });
  fill(world, PROJECT, "second");
}

const replacing = {
  project: PROJECT,
  before: "old",
  after: "new",
  prepare: async (world: StorageWorld) => {
    putProject(world, PROJECT, "awake");
    fill(world, PROJECT, "old");
    fill(world, OTHER, "new");
  },
  act: async ({ context }: Program) => {
    await context.lock(PROJECT, "restore", async () => {
      const prepared = join(context.paths.work(PROJECT), "restore");
      await context.copyParts(OTHER, prepared);
      await context.replace(PROJECT, prepared, { reason: "restore" });
    });
  },
};

const SCENARIOS: readonly Scenario[] = [
  { name: "replacing", ...replacing },
  {
    name: "replacing, with a container that Docker starts while nobody looks",
    ...replacing,
    meanwhile: (world) => {
      world.keeper.leases.clear();
      // Docker makes what a container is to have, and is not there.
      for (const part of ["workspace", "home"])
        mkdirSync(partPath(world, PROJECT, part), { recursive: true });
    },
  },
  {
    name: "rolling back",
    project: PROJECT,
    before: "second",
    after: "first",
    prepare: checkpointed,
    act: (program) => program.ask("rollback", { project: PROJECT, id: "good" }),
  },
  {
    name: "forking",
    project: OTHER,
    before: "none",
    after: "first",
    prepare: async (world) => {
      putProject(world, PROJECT, "awake");
      fill(world, PROJECT, "first");
    },
    act: (program) =>
      program.ask("fork", { from: PROJECT, to: OTHER, uid: process.getuid?.(), gid: process.getgid?.() }),
  },
];

let folder = "";
beforeEach(() => {
  folder = temporaryFolder();
});
afterEach(() => removeFolder(folder));

/** One end, and the start after it. @returns which step came next, and what the project then has */
async function endBefore(step: number, scenario: Scenario): Promise<[string, string] | undefined> {
  removeFolder(folder);
  folder = temporaryFolder();
  const world = makeStorageWorld(folder);
  await scenario.prepare(world);
  // Its own start has steps, too.
  const idle = await startStorage(world);
  await idle.left;
  const program = await startStorage(world, idle.steps.length + step);
  await program.left;
  const end = await Promise.race([program.ended, scenario.act(program).then(() => "done" as const)]);
  if (end === "done") return undefined;
  scenario.meanwhile?.(world);
  const next = await startStorage(world);
  expect(await next.left).toBe(0);
  const found = words(world, scenario.project);
  expect(new Set(found).size, `${found} after ${program.steps.at(-1)}`).toBe(1);
  expect([kept(world, "journal"), kept(world, "work")], `after ${program.steps.at(-1)}`).toEqual([[], []]);
  // What was held goes on when its lease has run out.
  const parked = [...world.keeper.leases.values()].filter(({ kind }) => kind === "park");
  expect(parked, `after ${program.steps.at(-1)}`).toEqual([]);
  // And all that can be done to it can be done again.
  for (const id of kept(world, "checkpoints", PROJECT))
    expect(kept(world, "checkpoints", PROJECT, id)).toContain("meta.json");
  if (scenario.project === OTHER) forget(world, OTHER);
  await scenario.act(next);
  expect(words(world, scenario.project)).toEqual(Array(3).fill(scenario.after));
  return [program.steps.at(-1) ?? "", found[0] ?? ""];
}

describe.each(SCENARIOS)("a program that ends while $name", (scenario) => {
  it("leaves all of what was there, or all of what is new, and a project that runs", async () => {
    const table: [string, string][] = [];
    for (let step = 0; ; step += 1) {
      const row = await endBefore(step, scenario);
      if (!row) break;
      table.push(row);
    }
    const outcomes = table.map(([, found]) => found);
    // First what was there, then what is new, once the project has answered with it.
    const turn = outcomes.indexOf(scenario.after);
    expect(turn).toBeGreaterThan(5);
    expect(outcomes.slice(0, turn).every((found) => found === scenario.before)).toBe(true);
    expect(outcomes.slice(turn).every((found) => found === scenario.after)).toBe(true);
    expect(table[turn]?.[0]).toMatch(/^write .*journal/);
  });
});
