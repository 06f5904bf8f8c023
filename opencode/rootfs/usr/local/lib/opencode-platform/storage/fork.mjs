// A project's parts as those of another one: a snapshot where there can be one, which takes no time and no room however large they are.
import { join } from "node:path";
import { branchOff } from "./branches.mjs";
import { isThere } from "./btrfs.mjs";
import { Refused } from "./errors.mjs";
import { forgetLogins } from "./logins.mjs";
import { PARTS } from "./paths.mjs";
import { projectIn } from "./verbs.mjs";

const isId = (value) => Number.isInteger(value) && value >= 0;

/** @param {import("./context.mjs").Context} context */
export function makeFork(context) {
  const { paths, machine, partsOf, copyAll, removeTree, frozen, own, replace, lock } = context;

  async function fork({ from, to, uid, gid, withLogins }, progress) {
    const parts = await partsOf(from);
    if (parts.length === 0) throw new Refused(`${from} has nothing on this host`, "start it once");
    for (const part of PARTS)
      if (await isThere(paths.part(to, part)))
        throw new Refused(
          `${to} is there already: ${paths.part(to, part)}`,
          "choose another name, or purge that one",
        );
    const prepared = join(paths.work(to), "fork");
    await removeTree(prepared);
    progress("copy");
    const { kind } = await frozen(from, () => copyAll(parts, prepared));
    const folder = (part) => join(prepared, part);
    if (!withLogins && (await isThere(folder("home")))) {
      progress("log-ins");
      await forgetLogins({ machine, folder: prepared });
    }
    const branches = (await isThere(folder("workspace")))
      ? await branchOff(machine, folder("workspace"), to)
      : [];
    // What services keep belongs to users of their own images.
    progress("owner");
    for (const part of ["workspace", "home"])
      if (await isThere(folder(part))) await own(folder(part), uid, gid);
    await replace(to, prepared, { reason: "fork" });
    return { kind, branches };
  }

  return {
    /** @type {Record<string, import("./verbs.mjs").Verb>} */
    verbs: {
      fork: ({ from, to, uid, gid, withLogins = false }, progress) => {
        const [source, target] = [projectIn(from, "from"), projectIn(to, "to")];
        if (source === target) throw new Refused("from and to are the same", "choose another name");
        if (!isId(uid) || !isId(gid)) throw new Refused("uid and gid: use the ids of the new project's user");
        return lock(source, "fork", () =>
          lock(target, `fork of ${source}`, () =>
            fork({ from: source, to: target, uid, gid, withLogins: withLogins === true }, progress),
          ),
        );
      },
    },
  };
}
