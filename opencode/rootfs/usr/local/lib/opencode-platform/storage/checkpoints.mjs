// Checkpoints of a project: its parts as they were at a moment, on the same disk. Not a backup: they are lost with the disk.
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { isThere } from "./btrfs.mjs";
import { Refused } from "./errors.mjs";
import { projectIn } from "./verbs.mjs";

/** How many a project keeps where its entry does not say. */
export const KEPT = 5;
const LABEL = /^[a-z0-9-]{1,40}$/;
const META = "meta.json";

/**
 * @typedef {{id: string, at: string, label: string, reason: string, bytes?: number}} Checkpoint `reason`: `asked` by a person, `before-rollback`, or whatever
 *   else it was taken before; `bytes` only of copies, since a snapshot takes no more than what has changed since
 */

/** `YYYYMMDD-HHMMSS`, in UTC. @param {Date} date */
export const idOf = (date) => date.toISOString().slice(0, 19).replaceAll(/[-:]/g, "").replace("T", "-");

/**
 * Which are too many, oldest first: those that a person has given a label go last. Pure.
 * @param {readonly Checkpoint[]} all oldest first @param {number} kept @param {ReadonlySet<string>} spared ids that stay in any case
 * @returns {Checkpoint[]}
 */
export function surplus(all, kept, spared = new Set()) {
  const isLabelled = ({ id, label, reason }) => reason === "asked" && label !== id;
  const candidates = all.filter(({ id }) => !spared.has(id));
  const inOrder = [...candidates.filter((each) => !isLabelled(each)), ...candidates.filter(isLabelled)];
  return inOrder.slice(0, Math.max(0, all.length - kept));
}

/** @param {import("./context.mjs").Context} context */
export function makeCheckpoints(context) {
  const { paths, machine, projects, partsOf, partsIn, copyAll, removeTree, frozen, replace, lock, now } =
    context;
  const folderOf = (project, id) => join(paths.checkpoints(project), id);

  /** @returns {Promise<Checkpoint[]>} oldest first */
  async function list(project) {
    const folder = paths.checkpoints(project);
    if (!(await isThere(folder))) return [];
    const found = [];
    for (const id of (await readdir(folder)).sort()) {
      const { kind: _, ...checkpoint } = JSON.parse(await readFile(join(folder, id, META), "utf8"));
      found.push(checkpoint);
    }
    return found;
  }

  async function find(project, id) {
    const all = await list(project);
    const found = all.find((each) => each.id === id) ?? all.findLast((each) => each.label === id);
    if (!found)
      throw new Refused(
        `${project} has no checkpoint ${id}`,
        all.length > 0 ? `it has ${all.map(({ label }) => label).join(", ")}` : "it has none yet",
      );
    return found;
  }

  /** After the newest, so that their order is that in which they were taken, however the clock is set. */
  function nextId(all) {
    const [, ...parts] = /^(\d{4})(\d\d)(\d\d)-(\d\d)(\d\d)(\d\d)$/.exec(all.at(-1)?.id ?? "") ?? [];
    const [year = 0, month = 1, ...rest] = parts.map(Number);
    const after = parts.length > 0 ? Date.UTC(year, month - 1, ...rest) + 1000 : 0;
    return idOf(new Date(Math.max(now().getTime(), after)));
  }

  function freeLabel(all, wanted) {
    const taken = new Set(all.map(({ label }) => label));
    for (let count = 1; ; count += 1) {
      const label = count === 1 ? wanted : `${wanted}-${count}`;
      if (!taken.has(label)) return label;
    }
  }

  async function drop(project, { id }) {
    // Out of the list at once; what is left of it after an interruption is unfinished work.
    const gone = join(paths.work(project), `dropped-${id}`);
    await removeTree(gone);
    await machine.makeDirectory(paths.work(project));
    await machine.rename(folderOf(project, id), gone);
    await removeTree(gone);
  }

  const keptOf = async (project) => (await projects()).get(project)?.storage?.checkpoints ?? KEPT;

  /** Takes one, and removes those that are too many. The caller has the lock. */
  async function take(project, { label, reason, spared = [] }) {
    const parts = await partsOf(project);
    if (parts.length === 0) throw new Refused(`${project} has nothing on this host`, "start it once");
    const all = await list(project);
    const at = now().toISOString();
    const id = nextId(all);
    const work = join(paths.work(project), `checkpoint-${id}`);
    await removeTree(work);
    const { kind } = await frozen(project, () => copyAll(parts, work, { readOnly: true }));
    const bytes = kind === "copy" ? await sizeOf(work) : undefined;
    const checkpoint = { id, at, label: label ?? id, reason, ...(bytes === undefined ? {} : { bytes }) };
    await machine.write(join(work, META), `${JSON.stringify({ ...checkpoint, kind })}\n`);
    await machine.makeDirectory(paths.checkpoints(project));
    await machine.rename(work, folderOf(project, id));
    await countIn(project, id);
    const kept = Math.max(1, await keptOf(project));
    for (const old of surplus([...all, checkpoint], kept, new Set([id, ...spared]))) await drop(project, old);
    return checkpoint;
  }

  async function sizeOf(folder) {
    const text = await machine.run("du", ["-s", "--block-size=1", "--", folder]);
    return Number(text.split("\t")[0]);
  }

  /** What a checkpoint holds, and the project no longer does, counts towards the limit of the project's disk. */
  async function countIn(project, id) {
    const { subvolumes, log } = context;
    try {
      const limit = await subvolumes.limitOf(paths.part(project, "workspace"));
      if (!limit) return;
      const own = await context.subvolumesOf(await partsIn(folderOf(project, id)));
      await subvolumes.limit(paths.root, limit.group, await subvolumes.groupsOf(own), undefined);
    } catch (error) {
      log(`${project}: checkpoint ${id} does not count towards the limit of its disk: ${error.message}`);
    }
  }

  async function rollback(project, wanted, progress) {
    const target = await find(project, wanted);
    const label = freeLabel(await list(project), "before-rollback");
    progress("checkpoint of what is there");
    const before = await take(project, { label, reason: "before-rollback", spared: [target.id] });
    const prepared = join(paths.work(project), `rollback-${target.id}`);
    await removeTree(prepared);
    progress("copy");
    await copyAll(await partsIn(folderOf(project, target.id)), prepared);
    progress("replace");
    const { replaced } = await replace(project, prepared, { reason: "roll-back" });
    return { checkpoint: target, before, replaced };
  }

  return {
    /** For others that want one first: `before-upgrade`, `before-setup`. The caller has the lock. */
    take,
    /** Verbs of `ask`. @type {Record<string, import("./verbs.mjs").Verb>} */
    verbs: {
      checkpoint: async ({ project, label, reason }) => {
        const name = projectIn(project);
        if ((await keptOf(name)) === 0)
          throw new Refused(`${name} has no checkpoints`, "its entry has checkpoints: 0; take that out");
        if (label !== undefined && !(typeof label === "string" && LABEL.test(label)))
          throw new Refused("label: use 1 to 40 lowercase letters, digits and dashes");
        if (reason !== undefined && !(typeof reason === "string" && LABEL.test(reason)))
          throw new Refused("reason: use 1 to 40 lowercase letters, digits and dashes");
        return lock(name, "checkpoint", async () => {
          const all = await list(name);
          const isAsked = reason === undefined || reason === "asked";
          if (label && isAsked && all.some((each) => each.label === label || each.id === label))
            throw new Refused(
              `${name} has a checkpoint ${label}`,
              "choose another label, or drop that one first",
            );
          const free = isAsked ? label : freeLabel(all, label ?? reason);
          return take(name, { label: free, reason: reason ?? "asked" });
        });
      },
      checkpoints: ({ project }) => list(projectIn(project)),
      rollback: ({ project, id }, progress) => {
        const name = projectIn(project);
        return lock(name, "roll-back", () => rollback(name, id, progress));
      },
      drop: ({ project, id }) => {
        const name = projectIn(project);
        return lock(name, "removal of a checkpoint", async () => {
          const found = await find(name, id);
          await drop(name, found);
          return found;
        });
      },
    },
  };
}
