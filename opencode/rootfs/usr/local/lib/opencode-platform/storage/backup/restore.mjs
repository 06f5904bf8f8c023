// Restores a project, or a file or folder of it, or one to see whether it could be.
import { cp, lstat, mkdir, readdir, rm, statfs } from "node:fs/promises";
import { dirname, join } from "node:path";
import { isBtrfs } from "../btrfs.mjs";
import { Told } from "./errors.mjs";
import { literally } from "./excludes.mjs";
import { place, readPath } from "./place.mjs";
import { BEFORE_RESTORE, mineToo, pick, shown, shownAll } from "./snapshots.mjs";
import { COPIED } from "./staging.mjs";
import { checkDatabase, compare } from "./verify.mjs";

/** Beside what is restored, on a disk that others need, too. */
const SPARE_BYTES = 256 * 2 ** 20;

/** @param {{context: import("../context.mjs").Context, restic: any, repository: any, take: any, state: any, memory: any}} given */
export function makeRestore({ context, restic, repository, take, state, memory }) {
  const { paths, partsOf, removeTree, own, lock } = context;

  async function backupsOf(project) {
    const all = (await repository.find()) ?? [];
    return all.filter((backup) => backup.project === project);
  }

  async function assertRoom({ bytes }) {
    const { bavail, bsize } = await statfs(paths.own);
    const missing = (bytes ?? 0) + SPARE_BYTES - bavail * bsize;
    if (missing > 0)
      throw new Told(
        `there is not enough room: what is restored lies beside what is there, and ${Math.ceil(missing / 2 ** 20)} MiB are missing`,
        "enlarge the volume, or remove something (npm run purge)",
      );
  }

  /** Each part is a subvolume where that is possible, so that snapshots and limits are of it. */
  async function makeParts(folder, names) {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    if (await isBtrfs(folder))
      for (const name of names)
        await context.machine.run("btrfs", ["subvolume", "create", join(folder, name)]);
  }

  /** What lies beside the home in a backup from a file system without snapshots. */
  async function putDatabase(folder) {
    const from = join(folder, COPIED, "home");
    const walk = async (path) => {
      for (const entry of await readdir(join(from, path), { withFileTypes: true }).catch(() => [])) {
        const name = join(path, entry.name);
        if (entry.isDirectory()) await walk(name);
        else {
          await mkdir(dirname(join(folder, "home", name)), { recursive: true });
          await cp(join(from, name), join(folder, "home", name), { preserveTimestamps: true });
          const { uid, gid } = await lstat(join(from, name));
          await context.machine.run("chown", ["-h", `${uid}:${gid}`, "--", join(folder, "home", name)]);
        }
      }
    };
    await walk("");
    await rm(join(folder, COPIED), { recursive: true, force: true });
  }

  /** The whole of a backup in a folder, compared with what the backup lists, its database looked at. */
  async function prepare(backup, folder, progress) {
    await assertRoom(backup);
    await removeTree(folder);
    await makeParts(folder, backup.parts);
    progress("transfer");
    await restic.run(["restore", backup.id, "--target", folder, "--verify"], {
      doing: `restore of ${backup.project}`,
    });
    progress("comparing");
    const counted = await compare(restic, backup.id, folder);
    await putDatabase(folder);
    progress("looking at opencode's database");
    return { ...counted, ...(await checkDatabase(join(folder, "home"))) };
  }

  /** Whom the files are given to: who has the project's workspace now. */
  async function ownerOf(project) {
    const workspace = (await partsOf(project)).find(({ name }) => name === "workspace");
    return workspace && (await lstat(workspace.path));
  }

  /** Of the platform's two parts; what services keep belongs to their own users. */
  async function give(folder, owner) {
    if (!owner) return;
    for (const name of ["workspace", "home"])
      if (await lstat(join(folder, name)).catch(() => undefined))
        await own(join(folder, name), owner.uid, owner.gid);
  }

  /** What is there, first: so that whoever chose the wrong one can go back. */
  async function takeBefore(project, existing, progress) {
    if (await memory.isNever(project)) return undefined;
    try {
      return await take(project, { reason: BEFORE_RESTORE, existing }, progress);
    } catch (error) {
      throw new Told(
        `what is there can't be backed up first: ${error.message}`,
        `${error.fix ? `${error.fix}; or ` : ""}keep it by a checkpoint, and restore with withoutBackup`,
        error.kind,
      );
    }
  }

  async function restoreAll({ project, at, into, withoutBackup }, progress) {
    const existing = await backupsOf(project);
    const backup = pick(existing, at, project);
    const target = into?.name ?? project;
    return lock(target, "restore", async () => {
      const there = await partsOf(target);
      if (into && there.length > 0)
        throw new Told(
          `${target} has files on this host`,
          "restore into a name that is free, or purge that one first",
        );
      const folder = join(paths.work(target), "restore");
      try {
        const owner = into ?? (await ownerOf(project));
        const before =
          !into && there.length > 0 && !withoutBackup
            ? await takeBefore(project, existing, progress)
            : undefined;
        const counted = await prepare(backup, folder, progress);
        await give(folder, owner);
        progress(into ? "putting in place" : "replacing");
        // What is there then is what was backed up; beside it, it is something new.
        const life = into ? undefined : backup.life;
        await context.replace(target, folder, { reason: "restore", ...(life && { life }) });
        await state.update((known) => ({ ...known, ...mineToo(known, target) }));
        return { ...(await both(backup, before)), ...counted };
      } finally {
        if (!(await context.unfinished?.())?.has(target)) await removeTree(folder);
      }
    });
  }

  async function restorePath({ project, at, path, withoutBackup }, progress) {
    const wanted = readPath(path);
    const existing = await backupsOf(project);
    const backup = pick(existing, at, project);
    return lock(project, "restore", async () => {
      const part = (await partsOf(project)).find(({ name }) => name === wanted.part);
      if (!part) throw new Told(`${project} has no files on this host`, "restore the whole project");
      const before = withoutBackup ? undefined : await takeBefore(project, existing, progress);
      const folder = join(paths.work(project), "restore");
      const inBackup = `/${wanted.part}/${wanted.path}`;
      try {
        await removeTree(folder);
        await mkdir(folder, { recursive: true, mode: 0o700 });
        progress("transfer");
        const include = literally(inBackup);
        await restic.run(["restore", backup.id, "--target", folder, "--include", include, "--verify"], {
          doing: `restore of ${path}`,
        });
        const found = await lstat(join(folder, inBackup)).catch(() => undefined);
        if (!found)
          throw new Told(
            `${path} is not in the backup of ${backup.at}`,
            "take an older one; what is left out of backups is in docs/backup.md",
          );
        progress("putting in place");
        place(join(folder, inBackup), part.path, wanted.path);
        return both(backup, before);
      } finally {
        await removeTree(folder);
      }
    });
  }

  /** What was restored, and what was there before, as others see them. */
  async function both(backup, before) {
    const [restored, replaced] = await shownAll(context, before ? [backup, before] : [backup]);
    return { backup: restored, ...(replaced && { before: replaced }) };
  }

  return {
    restore: (argument, progress) => (argument.path ? restorePath : restoreAll)(argument, progress),
    /** Restores beside everything, compares, and removes it again. */
    async attempt(project, progress) {
      const backup = pick(await backupsOf(project), "latest", project);
      const folder = join(paths.work(project), "try");
      try {
        return { backup: shown(backup), ...(await prepare(backup, folder, progress)) };
      } finally {
        await removeTree(folder);
      }
    },
  };
}
