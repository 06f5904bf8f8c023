/** The backups of the storage program in a folder, with what is around them: parts, locks, a keeper, and restic or a stand-in for it. */

import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import {
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";

const BACKUP = new URL(
  "../../../opencode/rootfs/usr/local/lib/opencode-platform/storage/backup/",
  import.meta.url,
).href;
/** Loads a module of the program. */
export const backupModule = async <T>(name: string): Promise<T> =>
  (await import(`${BACKUP}${name}.mjs`)) as T;

export interface BackupSeen {
  readonly id: string;
  readonly project: string;
  readonly at: string;
  readonly bytes: number | null;
  readonly added: number | null;
  readonly release: string | null;
  readonly reason: string;
  readonly unchanged?: boolean;
  readonly isEarlier?: true;
  readonly until?: string;
}
export type Progress = (step: string, percent?: number) => void;
type Verb = (argument: Record<string, unknown>, progress: Progress) => Promise<unknown>;
export interface Backups {
  readonly verbs: Readonly<Record<string, Verb>>;
  tick(): Promise<void>;
}
/** What is remembered of backups, for others. */
export interface Told {
  readonly to: string;
  readonly projects: Readonly<
    Record<string, { since?: string; last?: BackupSeen; failed?: { at: string; what: string } } | undefined>
  >;
  readonly check?: { at: string; ok: boolean; text: string; kind?: string };
  readonly tried?: { at: string; project: string; ok: boolean; text: string };
}

const FAKE = join(import.meta.dirname, "fake-restic.mjs");
/** The fake's arguments for `program`. */
export const fakeRestic = [process.execPath, "--disable-warning=ExperimentalWarning", FAKE];

export interface WorldOptions {
  readonly config?: Record<string, unknown>;
  readonly program?: readonly string[];
  readonly patienceMs?: number;
}

/** @param folder an empty one */
export async function makeBackupWorld(folder: string, options: WorldOptions = {}) {
  const root = join(folder, "workspaces");
  const own = join(root, ".storage");
  const repository = join(folder, "repository");
  const password = join(folder, "password");
  mkdirSync(own, { recursive: true });
  writeFileSync(password, "correct horse battery\n", { mode: 0o400 });
  const projects = new Map<string, Record<string, unknown>>();
  const held = new Map<string, string>();
  let status: Record<string, unknown> = {};
  let time = Date.now();
  const setTime = () => writeFileSync(`${repository}.now`, new Date(time).toISOString());
  setTime();
  const said: string[] = [];
  /** What was done to the project as a whole, in order. */
  const done: string[] = [];
  const part = (project: string, name: string) =>
    ({
      workspace: join(root, project),
      home: join(root, ".data", project),
      services: join(root, ".services", project),
    })[name] ?? "";
  const partsOf = async (project: string) =>
    ["workspace", "home", "services"]
      .map((name) => ({ name, path: part(project, name), isSubvolume: false }))
      .filter(({ path }) => existsSync(path));
  /** Of each name, by which files there are. */
  const livesOf = new Map<string, Map<string, string[]>>();
  const present = (project: string): string[] => {
    const home = part(project, "home");
    if (!existsSync(home)) return [];
    const { ino, birthtimeNs } = statSync(home, { bigint: true });
    const ofName = livesOf.get(project) ?? new Map<string, string[]>();
    livesOf.set(project, ofName);
    const identity = `${ino}:${birthtimeNs}`;
    const ids = ofName.get(identity) ?? [randomBytes(8).toString("hex")];
    ofName.set(identity, ids);
    return ids;
  };
  const lives = {
    of: async (project: string) => present(project).at(-1),
    all: async (project: string) => [...present(project)],
  };
  const context = {
    lives,
    paths: {
      root,
      own,
      cache: join(own, "cache"),
      part,
      work: (project: string) => join(own, "work", project),
      status: join(own, "status.json"),
    },
    machine: {
      run: async (command: string, args: readonly string[]) =>
        execFileSync(command, args, { encoding: "utf8" }),
      write: async (path: string, text: string) => writeFileSync(path, text),
    },
    projects: async () => projects,
    partsOf,
    copyParts: async (project: string, to: string) => {
      for (const { name, path } of await partsOf(project))
        cpSync(path, join(to, name), { recursive: true, verbatimSymlinks: true, preserveTimestamps: true });
      return { kind: "copy" as const };
    },
    removeTree: async (path: string) => rmSync(path, { recursive: true, force: true }),
    own: async (path: string, uid: number, gid: number) =>
      void done.push(`own ${path.slice(own.length)} ${uid}:${gid}`),
    frozen: async <T>(project: string, work: (was: string) => Promise<T>): Promise<T> => {
      done.push(`hold ${project}`);
      try {
        return await work("awake");
      } finally {
        done.push(`release ${project}`);
      }
    },
    replace: async (project: string, prepared: string, { life }: { life?: string }) => {
      if (!held.has(project)) throw new Error(`${project} is not locked`);
      done.push(`replace ${project}`);
      const before = present(project);
      const replaced = ["workspace", "home", "services"].filter((name) => existsSync(join(prepared, name)));
      for (const name of replaced) {
        rmSync(part(project, name), { recursive: true, force: true });
        mkdirSync(dirname(part(project, name)), { recursive: true });
        renameSync(join(prepared, name), part(project, name));
      }
      // The files go on with the lives of those before, and have that of the backup as well.
      const after = [...before, ...(life ? [life] : [])];
      if (after.length > 0) present(project).splice(0, 1, ...after);
      return { replaced };
    },
    lock: async <T>(project: string, what: string, work: () => Promise<T>): Promise<T> => {
      if (held.has(project)) throw new Error(`${project} is busy: ${held.get(project)}`);
      held.set(project, what);
      try {
        return await work();
      } finally {
        held.delete(project);
      }
    },
    log: (line: string) => void said.push(line),
    now: () => new Date(time),
    status: {
      read: async () => status,
      update: async (change: (before: Record<string, unknown>) => Record<string, unknown>) => {
        status = change(status);
      },
    },
  };
  const config = {
    to: "a folder",
    repository,
    everyMs: 86_400_000,
    keep: { daily: 7, weekly: 4, monthly: 6 },
    exclude: [],
    schedule: "timer",
    files: { password },
    ...options.config,
  };
  const { makeBackup } = await backupModule<{
    makeBackup(context: object, config: object | undefined, options: object): Backups;
  }>("index");
  const { program = fakeRestic, patienceMs } = options;
  const make = (more: Record<string, unknown> = {}): Backups =>
    makeBackup(context, { ...config, ...more }, { program, ...(patienceMs ? { patienceMs } : {}) });
  let backups = make();

  /** Writes files of a project, as `<part>/<path>`. */
  const write = (project: string, files: Readonly<Record<string, string>>) => {
    for (const [path, text] of Object.entries(files)) {
      const [name = "", ...rest] = path.split("/");
      const file = join(part(project, name), ...rest);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, text);
    }
  };
  const add = (
    project: string,
    files: Readonly<Record<string, string>>,
    more: Record<string, unknown> = {},
  ) => {
    projects.set(project, { project, ...more });
    for (const name of ["workspace", "home"]) mkdirSync(part(project, name), { recursive: true });
    write(project, files);
  };
  const steps: string[] = [];
  const ask = async <T = unknown>(verb: string, argument: Record<string, unknown> = {}): Promise<T> => {
    const run = backups.verbs[verb];
    if (!run) throw new Error(`no verb ${verb}`);
    return (await run(argument, (step) => void steps.push(step))) as T;
  };
  return {
    root,
    own,
    repository,
    password,
    part,
    add,
    write,
    projects,
    ask,
    held,
    said,
    done,
    steps,
    context,
    tick: () => backups.tick(),
    /** Every file that is there has a life that nobody knows. */
    forgetLives: () => livesOf.clear(),
    /** The program begins anew. @param more of other settings */
    restart: (more?: Record<string, unknown>) => {
      backups = make(more);
    },
    told: () => status.backup as Told,
    later: (ms: number) => {
      time += ms;
      setTime();
    },
    read: (project: string, path: string) => {
      const [name = "", ...rest] = path.split("/");
      return readFileSync(join(part(project, name), ...rest), "utf8");
    },
    /** What restic was asked, of the fake. */
    asked: () =>
      readFileSync(`${repository}.log`, "utf8")
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line) as { verb: string; words: string[]; cwd: string }),
    /** What the fake answers from now on, by verb. */
    restic: (says: Readonly<Record<string, object>>) =>
      writeFileSync(`${repository}.says.json`, JSON.stringify(says)),
  };
}

export type BackupWorld = Awaited<ReturnType<typeof makeBackupWorld>>;
