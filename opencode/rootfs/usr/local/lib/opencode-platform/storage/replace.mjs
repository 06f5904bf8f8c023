// Puts prepared parts into a project's place, all or none: whatever happens meanwhile, the project runs with what it had, or with what it was given.
import { dirname, join } from "node:path";
import { isSubvolume, isThere } from "./btrfs.mjs";
import { Refused } from "./errors.mjs";
import { makeForsaken } from "./forsaken.mjs";

/** Whether a project is as it was: one that waits for its turn after a boot answers later. @param {{was: string, state: string, answers: boolean}} after */
const isBack = ({ was, state, answers }) => answers || was === "stopped" || state === "waiting";

/**
 * @param {{paths: import("./paths.mjs").Paths, machine: import("./machine.mjs").Machine, parts: import("./parts.mjs").Parts,
 *   subvolumes: import("./btrfs.mjs").Subvolumes, keeper: import("./keeper.mjs").Keeper, locks: import("./locks.mjs").Locks,
 *   journals: ReturnType<typeof import("./journal.mjs").makeJournals>, lives: import("./lives.mjs").Lives, projects: () => Promise<Map<string, object>>, log: (line: string) => void, now: () => Date}} given
 */
export function makeReplace(given) {
  const { paths, machine, parts, subvolumes, keeper, locks, journals, lives, projects, log, now } = given;
  const forsaken = makeForsaken({ paths, machine, subvolumes });
  const placeOf = (entry, { name }) => paths.part(entry.project, name);

  /** Each part in turn: what is there away, what is prepared in. */
  async function swapIn(entry) {
    for (const part of entry.parts) {
      if (part.wasThere) await machine.rename(placeOf(entry, part), join(entry.aside, part.name));
      // The first of its kind on this host.
      await machine.makeDirectory(dirname(placeOf(entry, part)), part.name === "services" ? 0o700 : 0o755);
      await machine.rename(join(entry.prepared, part.name), placeOf(entry, part));
    }
    await carryLimit(entry);
  }

  /** A name that nothing has yet: a program before this one may have put another away, and ended. */
  async function freeIn(folder, name) {
    for (let count = 1; ; count += 1) {
      const path = join(folder, `${name}-${count}`);
      if (!(await isThere(path))) return path;
    }
  }

  /** The other way round, from wherever it was cut off. */
  async function swapOut(entry) {
    for (const part of entry.parts.toReversed()) {
      const [place, away, ready] = [
        placeOf(entry, part),
        join(entry.aside, part.name),
        join(entry.prepared, part.name),
      ];
      if (!(await isThere(ready)) && (await isThere(place))) await machine.rename(place, ready);
      if (!part.wasThere || !(await isThere(away))) continue;
      // Docker makes an empty one for a container that starts without it.
      if (await isThere(place)) await machine.rename(place, await freeIn(entry.aside, `stray-${part.name}`));
      await machine.rename(away, place);
    }
  }

  /**
   * The limit of a project's disk is that of a group with the number of its workspace: the new one gets the same. Those in which an agent has made
   * subvolumes get all of them; of a fork, an update sets the limit.
   */
  async function carryLimit(entry) {
    try {
      const place = paths.part(entry.project, "workspace");
      if (!(await isThere(place)) || !(await isSubvolume(place))) return;
      const old = await subvolumes.limitOf(join(entry.aside, "workspace"));
      const own = await parts.subvolumesOf(await parts.partsOf(entry.project));
      const members = [...(old?.members ?? []), ...(await subvolumes.groupsOf(own))];
      await subvolumes.limit(paths.root, `1/${await subvolumes.idOf(place)}`, members, old?.bytes);
    } catch (error) {
      log(`${entry.project}: the limit of its disk holds again after the next update: ${error.message}`);
    }
  }

  /** What is no longer needed of a replacement that has ended, one way or the other; the journal last. */
  async function clean(entry) {
    const limits = [];
    for (const folder of [entry.aside, entry.prepared]) {
      const found = await subvolumes.limitOf(join(folder, "workspace")).catch(() => undefined);
      if (found) limits.push(found);
    }
    await parts.removeTree(entry.aside);
    await parts.removeTree(entry.prepared);
    for (const { group, members } of limits) await subvolumes.unlimit(paths.root, group, members);
    await journals.remove(entry.project);
  }

  /** Whether the keeper knows a project, and stops it meanwhile: its entry may be removed, or added, between an interruption and the next start. */
  const isKept = async ({ project }) => (await projects()).has(project);

  /** Whoever asks for the project waits meanwhile. */
  async function whileParked(entry, work) {
    if (!(await isKept(entry)))
      return work().then(() => ({ was: "stopped", state: "stopped", answers: false }));
    return keeper.parked(entry.project, work);
  }

  async function isUntouched(entry) {
    for (const part of entry.parts) {
      const isReady = await isThere(join(entry.prepared, part.name));
      if (!isReady || (await isThere(join(entry.aside, part.name)))) return false;
    }
    return true;
  }

  /** Back to what was there. @param {boolean} isInherited whether an earlier program may have left the project parked */
  async function undo(entry, isInherited) {
    if (await forsaken.isForsaken(entry)) {
      log(`${entry.project}: its files were removed meanwhile; what was there before is set aside`);
      await forsaken.setAside(entry);
    } else if (!(await isUntouched(entry))) await whileParked(entry, () => swapOut(entry));
    else if (isInherited && (await isKept(entry))) await keeper.unpark(entry.project);
    // From here on what is prepared goes: whoever finds it gone must not take what is in its place for it.
    await journals.write({ ...entry, step: "undone" });
    await clean(entry);
  }

  /** @returns what to say of a replacement that has failed, once that is undone */
  async function undone(entry, error) {
    const fix = error instanceof Refused ? error.fix : undefined;
    try {
      await undo(entry, false);
      return new Refused(`${error.message}; what was there before is back`, fix);
    } catch (problem) {
      log(`${entry.project}: ${problem.message}`);
      return new Refused(
        `${error.message}; what was there before is not back yet, which is tried again each minute`,
        fix,
      );
    }
  }

  /** Names of the parts that are prepared. */
  async function namesIn(prepared) {
    const found = await parts.partsIn(prepared);
    if (found.length === 0) throw new Error(`nothing is prepared in ${prepared}`);
    return found.map(({ name }) => name);
  }

  return {
    /**
     * Replaces a project's parts by those that a folder holds, below `.storage/work/<project>`; others stay. Whoever calls it has the project's lock.
     * @param {string} project @param {string} prepared
     * @param {{reason: string, life?: string}} options `life`: of a backup, which the project then has (lives.mjs). Default: its own goes on, or one begins
     * @returns {Promise<{replaced: string[]}>} names of the parts, once the project answers with them. What was there is deleted.
     * @throws where it does not answer, or anything else fails: what was there is back
     */
    async replace(project, prepared, { reason, life }) {
      if (!locks.isHeld(project)) throw new Error(`${project} is not locked`);
      if (await isThere(paths.journal(project)))
        throw new Refused(`${project} is being put back to what it was before`, "try again in a minute");
      const names = await namesIn(prepared);
      const aside = join(paths.work(project), `aside-${now().getTime()}`);
      await lives.prepare(project, join(prepared, "home"), life);
      await machine.makeDirectory(aside);
      const marks = await forsaken.marks({ project, prepared, aside }, names);
      const entry = { project, reason, at: now().toISOString(), prepared, aside, ...marks, step: "swapping" };
      await journals.write(entry);
      try {
        const after = await whileParked(entry, () =>
          swapIn(entry).catch(async (error) => {
            await swapOut(entry);
            throw error;
          }),
        );
        if (!isBack(after))
          throw new Refused(`${project} does not answer with what it was given`, "its log says more");
        await journals.write({ ...entry, step: "done" });
      } catch (error) {
        throw await undone(entry, error);
      }
      await clean(entry).catch((error) =>
        log(`${project}: what was replaced is still there: ${error.message}`),
      );
      return { replaced: names };
    },

    /**
     * Ends what a program before this one has begun: back to what was there, unless the project has answered with what is new.
     * @returns {Promise<number>} how many are left, to be tried again
     */
    async recover() {
      let left = 0;
      for (const entry of await journals.all()) {
        if (locks.isHeld(entry.project)) continue;
        try {
          await locks.recover(entry.project, () =>
            entry.step === "swapping" ? undo(entry, true) : clean(entry),
          );
          log(
            `${entry.project}: ${entry.reason} was interrupted: ${entry.step === "done" ? "it was done" : "what was there before is back"}`,
          );
        } catch (error) {
          left += 1;
          log(`${entry.project}: ${entry.reason} was interrupted, and can't be undone yet: ${error.message}`);
        }
      }
      return left;
    },
    /** Projects whose folder of unfinished work is needed. */
    unfinished: async () => new Set((await journals.all()).map(({ project }) => project)),
  };
}
