/** The storage program ends while it ends what an earlier one has begun, at every step of that, and again and again: from all that can be left so, the way back is the same. */
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import {
  fill,
  kept,
  makeStorageWorld,
  partPath,
  putProject,
  type StorageWorld,
  startStorage,
  words,
} from "../../support/opencode/storage-world.ts";
import { removeFolder, temporaryFolder } from "../../support/temporary.ts";

const PROJECT = "web";
/** What a program has left that ended. */
interface Left {
  /** A copy of everything. */
  readonly copy: string;
  readonly leases: StorageWorld["keeper"]["leases"];
  /** The last step that was taken before each end. */
  readonly steps: readonly string[];
  /** What the start after it has to lead to; unknown where it was no recovery that ended. */
  readonly outcome?: string;
}

let [folder, copies] = ["", ""];
beforeEach(() => {
  folder = temporaryFolder();
  copies = temporaryFolder();
});
afterEach(() => {
  removeFolder(folder);
  removeFolder(copies);
});

function emptyWorld(): StorageWorld {
  removeFolder(folder);
  mkdirSync(folder);
  return makeStorageWorld(folder);
}

/** All files with their content, and what the keeper holds. How often Docker has made something that was put away is no other state, nor is by what files are known. */
function signature({ root, keeper }: StorageWorld): string {
  const files = readdirSync(root, { recursive: true, withFileTypes: true })
    .filter(({ parentPath }) => !parentPath.endsWith(".storage/lives"))
    .map((entry) => {
      const path = join(entry.parentPath, entry.name);
      const text = entry.isFile() ? readFileSync(path, "utf8") : "";
      return `${path.replace(/stray-(\w+)-\d+/, "stray-$1")} ${text.replaceAll(/"(was|ready|mark)":"[^"]*"/g, "")}`;
    });
  return [...[...new Set(files)].sort(), ...[...keeper.leases].map((each) => JSON.stringify(each))].join(
    "\n",
  );
}

/** Each distinct state, once. */
class States {
  readonly #known = new Set<string>();
  readonly todo: Left[] = [];
  add(world: StorageWorld, rest: Pick<Left, "steps" | "outcome">): void {
    const known = signature(world);
    if (this.#known.has(known)) return;
    this.#known.add(known);
    const copy = join(copies, String(this.#known.size));
    cpSync(folder, copy, { recursive: true });
    this.todo.push({ copy, leases: new Map(world.keeper.leases), ...rest });
  }
}

/** A replacement that ends before a step. @returns the step before, or undefined once it has come to its end */
async function replaceUntil(world: StorageWorld, endsBefore: number): Promise<string | undefined> {
  putProject(world, PROJECT, "awake");
  fill(world, PROJECT, "old");
  fill(world, "source", "new");
  await (await startStorage(world)).left;
  const program = await startStorage(world, endsBefore);
  const act = async () => {
    await program.left;
    const { context } = program;
    await context.lock(PROJECT, "restore", async () => {
      const prepared = join(context.paths.work(PROJECT), "restore");
      await context.copyParts("source", prepared);
      await context.replace(PROJECT, prepared, { reason: "restore" });
    });
  };
  const end = await Promise.race([program.ended, act()]);
  return end === "ended" ? (program.steps.at(-1) ?? "") : undefined;
}

/** The start after an end, which may end itself. */
async function startAfter(left: Left, meanwhile: (world: StorageWorld) => void, endsBefore?: number) {
  removeFolder(folder);
  cpSync(left.copy, folder, { recursive: true });
  const world = worldOfFolder();
  for (const [project, lease] of left.leases) world.keeper.leases.set(project, lease);
  meanwhile(world);
  const program = await startStorage(world, endsBefore);
  return { world, program, end: await Promise.race([program.ended, program.left]) };
}

/** The world of a folder that is there. */
function worldOfFolder(): StorageWorld {
  const scratch = join(copies, "scratch");
  removeFolder(scratch);
  mkdirSync(scratch);
  const world = {
    ...makeStorageWorld(scratch),
    root: join(folder, "workspaces"),
    projectsDir: join(folder, "projects"),
  };
  world.keeper.states.set(PROJECT, "awake");
  return world;
}

/** Docker starts the container, which gets empty folders for those that are not there, and writes into them. */
function dockerStarts(world: StorageWorld): void {
  world.keeper.leases.clear();
  for (const part of ["workspace", "home"]) {
    const path = partPath(world, PROJECT, part);
    if (existsSync(path)) continue;
    mkdirSync(path, { recursive: true });
    writeFileSync(join(path, "begun"), "");
  }
}

it.each([
  ["while nobody else does anything", () => {}],
  ["while Docker starts its container each time", dockerStarts],
])(
  "comes to what was there or what is new, %s",
  async (_name, meanwhile) => {
    const states = new States();
    for (let step = 0; ; step += 1) {
      const world = emptyWorld();
      const last = await replaceUntil(world, step);
      if (last === undefined) break;
      // Before there is one, nothing of the project has changed (kill.test.ts).
      if (kept(world, "journal").length > 0) states.add(world, { steps: [last] });
    }
    const outcomes = new Set<string>();
    let longest = 0;
    for (let left = states.todo.shift(); left; left = states.todo.shift()) {
      const { world, program, end } = await startAfter(left, meanwhile);
      const found = words(world, PROJECT);
      const after = `after ${left.steps.join(", then ")}`;
      expect([end, new Set(found).size, kept(world, "journal"), kept(world, "work")], after).toEqual([
        0,
        1,
        [],
        [],
      ]);
      expect(left.outcome ?? found[0], after).toBe(found[0]);
      expect(
        [...world.keeper.leases.values()].filter(({ kind }) => kind === "park"),
        after,
      ).toEqual([]);
      outcomes.add(found[0] ?? "");
      longest = Math.max(longest, left.steps.length);
      const own = program.steps.findIndex((each) => !each.startsWith("makeDirectory"));
      for (let step = own; step < program.steps.length; step += 1) {
        const next = await startAfter(left, meanwhile, step);
        if (next.end !== "ended") throw new Error(`a start has fewer steps than before, ${after}`);
        const steps = [...left.steps, next.program.steps.at(-1) ?? "its start"];
        states.add(next.world, { steps, outcome: found[0] ?? "" });
      }
    }
    expect(outcomes).toEqual(new Set(["old", "new"]));
    // Ends of recoveries have led to states that the first end did not.
    expect(longest).toBeGreaterThan(1);
  },
  180_000,
);
