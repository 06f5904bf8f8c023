/**
 * Rebuilds the projects' images with fresh packages, as an act of its own: each project gets its image while nobody works in it, and the
 * platform's own containers follow once all have it. What is left goes on with the next run.
 */
import type { Project } from "../../config/projects/project.ts";
import { packagesDay } from "../../config/stack/packages.ts";
import { PACKAGES, type Settings, settingKey } from "../../config/stack/settings.ts";
import { DAY_MS, isoDay } from "../../config/text/days.ts";

/** Days after which an unfinished refresh is given up for a new one: its packages are as old as those that are proposed to be replaced. */
const ABANDONED_DAYS = 14;

export interface RefreshParts {
  readonly projects: readonly Pick<Project, "name">[];
  readonly settings: Pick<Settings, "packages" | "packagesOf">;
  readonly now: Date;
  /** Why a project can't be restarted now; undefined if it can. */
  whyBusy(project: string): Promise<string | undefined>;
  /** Sets a key of the stack's config; undefined removes it. */
  configure(key: string, value: string | undefined): Promise<void>;
  /** Updates one project. @throws if that fails */
  apply(project: string): Promise<void>;
  /** Updates the whole stack. */
  applyAll(): Promise<void>;
  /** Receives lines for people. */
  notify(line: string): void;
}

/** The day that images are rebuilt for: that of an unfinished refresh, or today. */
export function refreshDay({ packages, packagesOf }: RefreshParts["settings"], now: Date): string {
  const today = isoDay(now);
  const pending = Object.values(packagesOf).sort().at(-1);
  const age = (day: string) => (Date.parse(today) - Date.parse(day.slice(0, 10))) / DAY_MS;
  if (pending && pending > packages && age(pending) <= ABANDONED_DAYS) return pending;
  const last = [packages, pending ?? ""].sort().at(-1) ?? "";
  if (!last.startsWith(today)) return today;
  return `${today}.${Number(last.split(".")[1] ?? 1) + 1}`;
}

/**
 * Rebuilds what can be rebuilt now.
 * @returns names of the projects that keep their image until a later run
 * @throws if an update fails; the project that failed has its earlier image in the config again
 */
export async function refreshImages(parts: RefreshParts): Promise<string[]> {
  const { projects, settings, now, notify } = parts;
  const day = refreshDay(settings, now);
  const keyOf = (project: string) => settingKey(`${PACKAGES}/${project}`);
  const busy: string[] = [];
  const own = new Set(Object.keys(settings.packagesOf));
  for (const { name } of projects.filter(({ name }) => packagesDay(settings, name) !== day)) {
    const reason = await parts.whyBusy(name);
    if (reason !== undefined) {
      notify(`${name}: keeps its image for now: ${reason}`);
      busy.push(name);
      continue;
    }
    notify(`${name}: gets an image with packages of ${day}`);
    await parts.configure(keyOf(name), day);
    own.add(name);
    try {
      await parts.apply(name);
    } catch (error) {
      await parts.configure(keyOf(name), settings.packagesOf[name]);
      throw error;
    }
  }
  if (busy.length > 0) return busy;
  await parts.configure(settingKey(PACKAGES), day);
  for (const name of own) await parts.configure(keyOf(name), undefined);
  notify(`The platform's own containers get packages of ${day}`);
  await parts.applyAll();
  return [];
}
