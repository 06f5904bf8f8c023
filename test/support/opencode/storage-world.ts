/** The storage program with plain folders for the workspaces, a keeper that is a stand-in, and an end at any step of what it does to the machine. */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileInImage } from "./image-files.ts";

export const load = async (name: string) => import(fileInImage(`storage/${name}.mjs`));
const { makeContext } = await load("context");
const { makeMachine } = await load("machine");
const { makeCheckpoints } = await load("checkpoints");
const { makeFork } = await load("fork");
const { begin } = await load("begin");

type State = "awake" | "asleep" | "stopped" | "waiting";
type Answer = { status: number; body: Record<string, unknown> };
interface Lease {
  readonly kind: "hold" | "park";
  readonly was: State;
}

/** A keeper that knows some projects, and what is held or parked of them. */
export class FakeKeeper {
  readonly states = new Map<string, State>();
  readonly leases = new Map<string, Lease>();
  readonly asked: string[] = [];
  /** Whether a project's server answers with what is there now. */
  answers: (project: string) => boolean = () => true;
  /** What a verb does besides. */
  on: (verb: string, project: string) => void = () => {};
  /** Sentences with which it refuses, by verb. */
  readonly refuses = new Map<string, string>();

  ask = async (_method: string, path: string): Promise<Answer> => {
    const url = new URL(path, "http://keeper");
    const verb = url.pathname.slice(1);
    const project = url.searchParams.get("project") ?? "";
    this.asked.push(`${verb} ${project}`);
    this.on(verb, project);
    const refusal = this.refuses.get(verb);
    if (refusal) return { status: 409, body: { error: refusal } };
    return this.answer(verb, project);
  };

  private answer(verb: string, project: string): Answer {
    const state = this.states.get(project);
    if (!state) return { status: 404, body: { error: `There is no project ${project}.` } };
    if (verb === "hold" || verb === "park") {
      const lease = this.leases.get(project);
      this.leases.set(project, lease ?? { kind: verb, was: state });
      return { status: 200, body: { was: lease?.was ?? state, renewed: lease !== undefined } };
    }
    this.leases.delete(project);
    if (verb === "release") return { status: 200, body: { state } };
    return { status: 200, body: { state, answers: state !== "stopped" && this.answers(project) } };
  }
}

type Act = (...args: never[]) => Promise<unknown>;
interface Mortal {
  readonly machine: Record<string, Act>;
  /** Each step that was taken. */
  readonly steps: string[];
  /** Once the program has ended. */
  readonly ended: Promise<"ended">;
}

/** A machine on which the program ends before a step, as by `kill -9`: whatever waits for it waits for ever. */
export function mortal(machine: Record<string, Act>, endsBefore = Number.POSITIVE_INFINITY): Mortal {
  const steps: string[] = [];
  const { promise: ended, resolve } = Promise.withResolvers<"ended">();
  let isDead = false;
  const never = new Promise<never>(() => {});
  const guarded = Object.entries(machine).map(([name, act]): [string, Act] => [
    name,
    (...args) => {
      if (isDead || name === "wait") return never;
      if (steps.length >= endsBefore) {
        isDead = true;
        resolve("ended");
        return never;
      }
      steps.push(`${name} ${args.map(String).join(" ")}`);
      return act(...args);
    },
  ]);
  return { machine: Object.fromEntries(guarded), steps, ended };
}

export interface StorageWorld {
  readonly root: string;
  readonly projectsDir: string;
  readonly keeper: FakeKeeper;
  readonly said: string[];
  /** The program's clock. */
  now: Date;
}

export function makeStorageWorld(folder: string): StorageWorld {
  const [root, projectsDir] = [join(folder, "workspaces"), join(folder, "projects")];
  for (const path of [root, projectsDir]) mkdirSync(path);
  return { root, projectsDir, keeper: new FakeKeeper(), said: [], now: new Date("2026-11-30T12:00:00Z") };
}

/** A program that starts, with all its verbs; what is left of another one is ended first. */
export async function startStorage(world: StorageWorld, endsBefore?: number) {
  const life = mortal({ ...makeMachine(), ask: world.keeper.ask }, endsBefore);
  const context = makeContext({
    root: world.root,
    projectsDir: world.projectsDir,
    machine: life.machine,
    log: (line: string) => world.said.push(line),
    now: () => world.now,
  });
  const progress: string[] = [];
  const verbs = { ...makeCheckpoints(context).verbs, ...makeFork(context).verbs };
  const left: Promise<number> = begin(context);
  return {
    ...life,
    context,
    left,
    progress,
    ask: async (verb: string, argument: object) =>
      verbs[verb](argument, (step: string) => progress.push(step)),
  };
}

/** Writes the file by which the program and the keeper know a project. */
export function putProject(world: StorageWorld, name: string, state: State, storage?: object): void {
  world.keeper.states.set(name, state);
  const text = JSON.stringify({
    project: name,
    container: `oc-project-${name}`,
    ...(storage ? { storage } : {}),
  });
  writeFileSync(join(world.projectsDir, `${name}.json`), text);
}

/** What an update does that removes its entry: the file goes, and the keeper no longer knows it. */
export function removeProject({ keeper, projectsDir }: StorageWorld, name: string): void {
  keeper.states.delete(name);
  rmSync(join(projectsDir, `${name}.json`));
}

export const partPath = ({ root }: StorageWorld, project: string, part: string): string =>
  ({ home: join(root, ".data", project), services: join(root, ".services", project) })[part] ??
  join(root, project);

/** Fills a project's parts with one word. */
export function fill(world: StorageWorld, project: string, word: string): void {
  for (const part of ["workspace", "home", "services"]) {
    const path = join(partPath(world, project, part), part === "services" ? "db/file" : "file");
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, word);
  }
}

/** The words of a project's parts; `none` where there is no part. */
export function words(world: StorageWorld, project: string): string[] {
  return ["workspace", "home", "services"].map((part) => {
    const path = partPath(world, project, part);
    if (!existsSync(path)) return "none";
    const file = join(path, part === "services" ? "db/file" : "file");
    return existsSync(file) ? readFileSync(file, "utf8") : "empty";
  });
}

/** What the program keeps below a folder of its own. */
export const kept = ({ root }: StorageWorld, ...path: string[]): string[] => {
  const folder = join(root, ".storage", ...path);
  return existsSync(folder) ? readdirSync(folder).sort() : [];
};

export const forget = ({ root }: StorageWorld, project: string): void => {
  for (const path of [join(root, project), join(root, ".data", project), join(root, ".services", project)])
    rmSync(path, { recursive: true, force: true });
};
