// A replacement that was interrupted, and whose project was removed before it could be undone, its files set aside or deleted: what has the name now is another
// project's, which must get nothing of the earlier one, and lose nothing.
import { join } from "node:path";
import { isThere } from "./btrfs.mjs";
import { makeIdentityOf } from "./lives.mjs";

/**
 * @param {{paths: import("./paths.mjs").Paths, machine: import("./machine.mjs").Machine, subvolumes: import("./btrfs.mjs").Subvolumes}} given
 */
export function makeForsaken({ paths, machine, subvolumes }) {
  const identityOf = makeIdentityOf(subvolumes);
  const placesOf = ({ project, aside, prepared }, { name }) => ({
    place: paths.part(project, name),
    away: join(aside, name),
    ready: join(prepared, name),
  });

  /** Whether a part's place no longer has what the replacement has left there. */
  async function isTaken(entry, part) {
    const { place, away, ready } = placesOf(entry, part);
    if (!(await isThere(ready))) return (await identityOf(place)) !== part.ready;
    // Between the two: Docker may have made an empty one.
    if (!part.wasThere || (await isThere(away))) return false;
    return (await identityOf(place)) !== part.was;
  }

  return {
    /** What a journal says by which its files are known. @param {{project: string, prepared: string, aside: string}} entry @param {string[]} names of parts */
    async marks(entry, names) {
      const parts = [];
      for (const name of names) {
        const { place, ready } = placesOf(entry, { name });
        const was = await identityOf(place);
        parts.push({ name, wasThere: was !== undefined, was, ready: await identityOf(ready) });
      }
      return { parts, mark: await identityOf(entry.aside) };
    },
    /** @param {import("./journal.mjs").Entry} entry */
    async isForsaken(entry) {
      // Nobody moves that one: if it is no longer known, files are not to be told here, or the whole disk is a copy.
      if (entry.mark === undefined || (await identityOf(entry.aside)) !== entry.mark) return false;
      for (const part of entry.parts) if (await isTaken(entry, part)) return true;
      return false;
    },
    /** Sets aside what was there before, beside its place, as the panel does. @param {import("./journal.mjs").Entry} entry */
    async setAside(entry) {
      const stamp = entry.at.replaceAll(/[-:]|\.\d+/g, "");
      for (const part of entry.parts) {
        const { place, away } = placesOf(entry, part);
        if (await isThere(away)) await machine.rename(away, `${place}.removed-${stamp}`);
      }
    },
  };
}
