// Checkpoints of a project: its parts as they were at a moment, on the same disk. Not a backup: they are lost with the disk.
import { join } from "node:path";
import { Refused } from "./errors.mjs";
import { META, makeKept } from "./kept.mjs";
import { projectIn } from "./verbs.mjs";

/** How many a project keeps where its entry does not say. */
export /** Those that the platform takes before something that a person has asked for. */
const BY_THEMSELVES = ["before-setup", "before-upgrade"];
const KEPT = 5;
const LABEL = /^[a-z0-9-]{1,40}$/;

/**
 * @typedef {{id: string, at: string, label: string, reason: string, bytes?: number}} Checkpoint `reason`: `asked` by a person, `before-rollback`, or whatever
 *   else it was taken before; `bytes` only of copies, since a snapshot takes no more than what has changed since
 */

/** `YYYYMMDD-HHMMSS`, in UTC. @param {Date} date */
export const idOf = (date) => date.toISOString().slice(0, 19).replaceAll(/[-:]/g, "").replace("T", "-");

const isAsked = ({ reason }) => reason === "asked";
const isLabelled = (each) => isAsked(each) && each.label !== each.id;

/**
 * Which are too many once another one is taken, oldest first: those that a person has given a label go last, and for one that a program has taken of its own
 * accord none goes that a person has asked for: there is one more then. Pure.
 * @param {readonly Checkpoint[]} all the new one last, the others oldest first @param {number} kept @param {ReadonlySet<string>} spared ids that stay in any case
 * @returns {Checkpoint[]}
 */
export function surplus(all, kept, spared = new Set()) {
  const taken = all.at(-1);
  const others = all.slice(0, -1).filter(({ id }) => !spared.has(id));
  const candidates = taken && isAsked(taken) ? others : others.filter((each) => !isAsked(each));
  const inOrder = [...candidates.filter((each) => !isLabelled(each)), ...candidates.filter(isLabelled)];
  return inOrder.slice(0, Math.max(0, all.length - kept));
}

/** @param {import("./context.mjs").Context} context */
export function makeCheckpoints(context) {
  const { paths, machine, projects, lives, partsOf, partsIn, copyAll, removeTree, frozen } = context;
  const { replace, lock, now } = context;
  const { folderOf, all: allOfName, drop } = makeKept(context);

  /** Those of the project that has the name now. @returns {Promise<Checkpoint[]>} oldest first */
  async function list(project) {
    const own = await lives.all(project);
    const found = (await allOfName(project)).filter(({ life }) => own.includes(life));
    return found.map(({ kind: _kind, life: _life, ...checkpoint }) => checkpoint);
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

  const keptOf = async (project) => (await projects()).get(project)?.storage?.checkpoints ?? KEPT;

  /** Takes one, and removes those that are too many. The caller has the lock. @returns what is taken; `dropped`: labels of a person's that had to go for it */
  async function take(project, { label, reason, spared = [] }) {
    const parts = await partsOf(project);
    const life = await lives.of(project);
    if (life === undefined) throw new Refused(`${project} has nothing on this host`, "start it once");
    const at = now().toISOString();
    const id = nextId(await allOfName(project));
    const work = join(paths.work(project), `checkpoint-${id}`);
    await removeTree(work);
    const { kind } = await frozen(project, () => copyAll(parts, work, { readOnly: true }));
    const bytes = kind === "copy" ? await sizeOf(work) : undefined;
    const checkpoint = { id, at, label: label ?? id, reason, ...(bytes === undefined ? {} : { bytes }) };
    await machine.write(join(work, META), `${JSON.stringify({ ...checkpoint, kind, life })}\n`);
    await machine.makeDirectory(paths.checkpoints(project));
    await machine.rename(work, folderOf(project, id));
    await countIn(project, id);
    const kept = Math.max(1, await keptOf(project));
    const old = surplus(await list(project), kept, new Set(spared));
    for (const each of old) await drop(project, each.id);
    const dropped = old.filter(isLabelled).map((each) => each.label);
    return { ...checkpoint, ...(dropped.length > 0 ? { dropped } : {}) };
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
        const isAsked = reason === undefined || reason === "asked";
        // What nobody has asked for keeps no project waiting.
        if (BY_THEMSELVES.includes(reason) && !(await partsOf(name)).every(({ isSubvolume }) => isSubvolume))
          throw new Refused(`${name} would have to be copied`, "npm run checkpoint does that");
        return lock(name, "checkpoint", async () => {
          const all = await list(name);
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
          await drop(name, found.id);
          return found;
        });
      },
    },
  };
}
