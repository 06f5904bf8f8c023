// Checkpoints end with what they are of: those of a purged project are removed; those of what is set aside stay as long as that can be put back.
import { readdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { isThere } from "./btrfs.mjs";
import { makeKept } from "./kept.mjs";

/** What a removed project's files are set aside as; the rest is the time. */
const ASIDE = ".removed-";

/** @param {import("./context.mjs").Context} context */
export async function sweep(context) {
  const { paths, machine, lives, lock, running, log } = context;
  const { all, drop } = makeKept(context);
  const namesIn = async (path) => ((await isThere(path)) ? readdir(path) : []);

  async function asideOf(name) {
    const folder = dirname(paths.part(name, "home"));
    const found = (await namesIn(folder)).filter((each) => each.startsWith(`${name}${ASIDE}`));
    return found.map((each) => join(folder, each));
  }
  const ownLives = (name) => lives.ofHomes(name, [paths.part(name, "home")]);
  /** Of its own home and of those that are set aside. They may be renamed meanwhile, either way: its own is looked at before and after. */
  async function allLives(name) {
    const found = [
      await ownLives(name),
      await lives.ofHomes(name, await asideOf(name)),
      await ownLives(name),
    ];
    return new Set(found.flatMap((each) => [...each]));
  }
  async function sweepOne(name) {
    const alive = await allLives(name);
    for (const { id, label, life } of await all(name)) {
      if (alive.has(life)) continue;
      await drop(name, id);
      log(`${name}: its checkpoint ${label} is removed with the files that it is of`);
    }
    // Nothing of the name is left.
    if (alive.size > 0) return;
    await machine.remove(paths.checkpoints(name));
    await machine.remove(paths.lives(name));
  }
  /** Most have no other checkpoints than those of their own files, and are left to whoever asks for them. */
  async function isDue(name) {
    const own = await ownLives(name);
    return own.size === 0 || !(await all(name)).every(({ life }) => own.has(life));
  }

  const names = new Set([
    ...(await namesIn(dirname(paths.checkpoints("any")))),
    ...(await namesIn(paths.allLives)).flatMap((file) => /^(.+)\.json$/.exec(file)?.[1] ?? []),
  ]);
  for (const name of names) {
    const isBusy = running().some(({ project }) => project === name);
    if (isBusy || (await isThere(paths.journal(name)))) continue;
    const sweepIfDue = async () =>
      (await isDue(name)) ? lock(name, "removal of its checkpoints", () => sweepOne(name)) : undefined;
    await sweepIfDue().catch((error) => log(`${name}: ${error.message}`));
  }
}
