// What is remembered from one start to the next: for this program alone, and in the status, for others.
import { join } from "node:path";
import { makeMemo } from "../status.mjs";

/** What this program remembers for itself, beside the status that others are shown. */
export const makeState = ({ paths, machine }) => makeMemo(machine, join(paths.own, "backup.json"));

const isNever = (storage) => storage?.backup === "never";

/**
 * @param {{context: Pick<import("../context.mjs").Context, "status" | "projects" | "partsOf" | "now">, config: any, state: ReturnType<typeof makeState>}} given
 */
export function makeMemory({ context, config, state }) {
  const { status, projects, partsOf, now } = context;

  /** @param {Record<string, unknown>} change of what is told of all backups: `check`, `tried` */
  const tell = (change = {}) =>
    status.update((before) => {
      const { projects: told = {}, ...backup } = before.backup ?? {};
      const { to, everyMs } = config;
      return { ...before, backup: { ...backup, projects: told, ...change, to, everyMs } };
    });

  /** @param {string} project @param {(before: Record<string, any>) => Record<string, any>} change of what is told of its backups */
  const note = (project, change) =>
    status.update((before) => {
      const backup = before.backup ?? {};
      const told = { ...backup.projects, [project]: change(backup.projects?.[project] ?? {}) };
      return { ...before, backup: { ...backup, projects: told } };
    });

  /** What is known of another repository is not true of this one: its backups, the look at it, what was transferred. */
  async function settle() {
    const { told, begun } = await state.read();
    if (told === config.repository) return;
    const before = told ?? begun;
    if (before !== undefined && before !== config.repository) {
      await status.update(({ backup: _, ...others }) => others);
      await tell();
      await state.update(({ fingerprints: _1, added: _2, part: _3, triedAt: _4, ...others }) => others);
    }
    await state.update((others) => ({ ...others, told: config.repository }));
  }
  let settled;

  /** What projects.yaml says of a project's backups, or has said while it was there. @returns {Promise<{backup?: "never", exclude?: string[]}>} */
  async function storageOf(project) {
    const present = await projects();
    const known = present.has(project)
      ? present.get(project).storage
      : (await state.read()).settings?.[project];
    return known ?? {};
  }

  /** An update removes what is said of a project before its last backup is taken. */
  async function rememberSettings(present) {
    const { settings = {} } = await state.read();
    const changed = [...present]
      .map(([name, { storage }]) => [name, storage])
      .filter(([name, storage]) => JSON.stringify(storage) !== JSON.stringify(settings[name]));
    if (changed.length > 0)
      await state.update((before) => ({
        ...before,
        settings: { ...before.settings, ...Object.fromEntries(changed) },
      }));
  }

  /** Since when each project that is to have backups is to have them: of one that never gets any, nothing else is known. */
  async function noteSince(present) {
    const wanting = new Set();
    for (const [name, { storage }] of present)
      if (!isNever(storage) && (await partsOf(name)).length > 0) wanting.add(name);
    const told = (await status.read()).backup?.projects ?? {};
    for (const name of wanting)
      if (!told[name]?.since) await note(name, (before) => ({ since: now().toISOString(), ...before }));
    for (const [name, { since }] of Object.entries(told))
      if (since && !wanting.has(name)) await note(name, ({ since: _, ...before }) => before);
  }

  return {
    tell,
    note,
    storageOf,
    isNever: async (project) => isNever(await storageOf(project)),
    /** Looks at the projects as they are now. */
    async look() {
      settled ??= settle().catch((error) => {
        settled = undefined;
        throw error;
      });
      await settled;
      const present = await projects();
      await rememberSettings(present);
      await noteSince(present);
    },
  };
}
