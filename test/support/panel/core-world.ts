import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, vi } from "vitest";
import { loadProjects } from "../../../config/projects/load.ts";
import type { RunUpdate, UpdateEvent, UpdateOutcome } from "../../../operate/engine/update-events.ts";
import { makeApplyChange } from "../../../panel/server/platform/change.ts";
import { OperationQueue } from "../../../panel/server/platform/operations.ts";
import { ProjectsFile } from "../../../panel/server/platform/projects-file.ts";
import type { Releases } from "../../../panel/server/platform/releases.ts";
import type {
  Operation,
  OperationEvent,
  OperationRequest,
  Operations,
  Person,
} from "../../../panel/server/platform/types.ts";

export const person: Person = { email: "dev@example.com", kind: "person", admin: true };
export const SECRET = "a-value-that-is-nowhere";

/** A folder with a projects.yaml, new for each test. */
export const world = { directory: "", path: "", file: new ProjectsFile("", () => {}) };
const queues: Operations[] = [];
/** Makes the folder before each test of a file, and removes it after. */
export function useCoreWorld(): void {
  beforeEach(() => {
    const directory = mkdtempSync(join(tmpdir(), "panel-core-"));
    const path = join(directory, "projects.yaml");
    writeFileSync(path, "projects: []\nlimits: { maxProjects: 50 }\n");
    const check = (text: string) => void loadProjects(text, { file: "projects.yaml", stack: "local" });
    Object.assign(world, { directory, path, file: new ProjectsFile(path, check) });
  });
  afterEach(async () => {
    await Promise.all(queues.splice(0).map((queue) => queue.close()));
    rmSync(world.directory, { recursive: true });
  });
}

export const secrets = () => ({
  set: vi.fn(async () => {}),
  remove: vi.fn(async () => {}),
  snapshot: () => () => {},
  names: () => [],
  copy: vi.fn(),
});

/** An update that runs until the test ends it. */
export class FakeUpdate {
  readonly begun: {
    hear: (event: UpdateEvent) => void;
    end: (outcome: UpdateOutcome) => void;
    /** The project it is limited to. */
    project?: string | undefined;
  }[] = [];
  readonly run: RunUpdate = (hear, signal, project) => {
    const { promise, resolve } = Promise.withResolvers<UpdateOutcome>();
    this.begun.push({ hear, end: resolve, project });
    signal.addEventListener("abort", () => resolve({ state: "interrupted" }));
    return promise;
  };
  async nth(count: number) {
    await vi.waitFor(() => expect(this.begun).toHaveLength(count), { timeout: 30_000 });
    const last = this.begun.at(-1);
    if (!last) throw new Error("no update has begun");
    return last;
  }
}

export function open(
  update: RunUpdate,
  apply = makeApplyChange({ file: world.file, secrets: secrets() }),
  releases?: Releases,
): Operations {
  const queue = new OperationQueue({
    directory: world.directory,
    apply,
    update,
    ...(releases ? { releases } : {}),
    busyMs: 1,
  });
  queues.push(queue);
  return queue;
}

export const add = (name: string, more: Partial<OperationRequest> = {}): OperationRequest => ({
  person,
  what: `create ${name}`,
  project: name,
  edit: { kind: "add", entry: { name } },
  ...more,
});

export async function ended(queue: Operations, id: string): Promise<OperationEvent[]> {
  const events: OperationEvent[] = [];
  for await (const event of queue.events(id)) events.push(event);
  return events;
}
export const states = (events: readonly OperationEvent[]) =>
  events.flatMap((event) => (event.event === "state" ? [event.data.state] : []));
export const journal = (): Operation[] => {
  const folder = join(world.directory, "operations");
  return readdirSync(folder)
    .sort()
    .map((name) => JSON.parse(readFileSync(join(folder, name), "utf8")));
};
export const succeed: RunUpdate = async () => ({ state: "succeeded" });
