import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { loadProjects } from "../../config/load.ts";
import { makeApplyChange } from "../../panel/platform/change.ts";
import { OperationQueue } from "../../panel/platform/operations.ts";
import { ProjectsFile } from "../../panel/platform/projects-file.ts";
import {
  Conflict,
  NotThere,
  type Operation,
  type OperationEvent,
  type OperationRequest,
  type Operations,
  type Person,
} from "../../panel/platform/types.ts";
import type { RunUpdate, UpdateEvent, UpdateOutcome } from "../../panel/platform/update-types.ts";

const person: Person = { email: "dev@example.com", kind: "person", admin: true };
const SECRET = "a-value-that-is-nowhere";

let directory: string;
let path: string;
let file: ProjectsFile;
const queues: Operations[] = [];
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "panel-core-"));
  path = join(directory, "projects.yaml");
  writeFileSync(path, "projects: []\nlimits: { maxProjects: 50 }\n");
  file = new ProjectsFile(path, (text) => void loadProjects(text, { file: "projects.yaml", stack: "local" }));
});
afterEach(async () => {
  await Promise.all(queues.splice(0).map((queue) => queue.close()));
  rmSync(directory, { recursive: true });
});

const secrets = () => ({
  set: vi.fn(async () => {}),
  remove: vi.fn(async () => {}),
  snapshot: () => () => {},
});

/** An update that is held until it is told how to end. */
class FakeUpdate {
  readonly begun: { hear: (event: UpdateEvent) => void; end: (outcome: UpdateOutcome) => void }[] = [];
  readonly run: RunUpdate = (hear, signal) => {
    const { promise, resolve } = Promise.withResolvers<UpdateOutcome>();
    this.begun.push({ hear, end: resolve });
    signal.addEventListener("abort", () => resolve({ state: "interrupted" }));
    return promise;
  };
  async nth(count: number) {
    await vi.waitFor(() => expect(this.begun).toHaveLength(count));
    const last = this.begun.at(-1);
    if (!last) throw new Error("no update has begun");
    return last;
  }
}

function open(update: RunUpdate, apply = makeApplyChange({ file, secrets: secrets() })): Operations {
  const queue = new OperationQueue({ directory, apply, update, busyMs: 1 });
  queues.push(queue);
  return queue;
}

const add = (name: string, more: Partial<OperationRequest> = {}): OperationRequest => ({
  person,
  what: `create ${name}`,
  project: name,
  edit: { kind: "add", entry: { name } },
  ...more,
});

async function ended(queue: Operations, id: string): Promise<OperationEvent[]> {
  const events: OperationEvent[] = [];
  for await (const event of queue.events(id)) events.push(event);
  return events;
}
const states = (events: readonly OperationEvent[]) =>
  events.flatMap((event) => (event.event === "state" ? [event.data.state] : []));
const journal = (): Operation[] => {
  const folder = join(directory, "operations");
  return readdirSync(folder)
    .sort()
    .map((name) => JSON.parse(readFileSync(join(folder, name), "utf8")));
};
const succeed: RunUpdate = async () => ({ state: "succeeded" });

describe("what is asked for at once", () => {
  it("is in the file at once, all of it, and the wrong is refused by itself", async () => {
    const update = new FakeUpdate();
    const queue = open(update.run);
    const names = Array.from({ length: 20 }, (_, index) => `p${index}`);
    const results = await Promise.allSettled(
      [...names, "Wrong", "p3"].map((name) => queue.submit(add(name))),
    );
    expect(results.map(({ status }) => status)).toEqual([
      ...names.map(() => "fulfilled"),
      "rejected",
      "rejected",
    ]);
    expect(file.read().entries).toEqual(names.map((name) => ({ name })));
    (await update.nth(1)).end({ state: "succeeded" });
    await vi.waitFor(() =>
      expect(queue.list().filter(({ state }) => state === "succeeded")).toHaveLength(20),
    );
    expect(update.begun).toHaveLength(1);
  });

  it("waits for the update that runs, and belongs to the next one together", async () => {
    const update = new FakeUpdate();
    const queue = open(update.run);
    const first = await queue.submit(add("a"));
    const running = await update.nth(1);
    const later = await Promise.all(["b", "c"].map((name) => queue.submit(add(name))));
    expect(later.map(({ id }) => queue.get(id)?.state)).toEqual(["queued", "queued"]);
    running.end({ state: "succeeded" });
    const next = await update.nth(2);
    const data = { op: "create", type: "t", name: "b-container", urn: "u", status: "begun" } as const;
    next.hear({ kind: "step", count: { done: 3, total: 9 }, data });
    next.end({ state: "succeeded" });
    const events = await Promise.all(later.map(({ id }) => ended(queue, id)));
    expect(update.begun).toHaveLength(2);
    for (const each of events) {
      expect(states(each)).toEqual(["queued", "running", "running", "succeeded"]);
      expect(each).toContainEqual({ id: expect.any(Number), event: "progress", data });
      expect(each.map(({ id }) => id)).toEqual(each.map((_, index) => index + 1));
    }
    expect(queue.get(later[0]?.id ?? "")).toMatchObject({ done: 9, total: 9, endedAt: expect.any(String) });
    expect(states(await ended(queue, first.id))).toEqual(["queued", "running", "succeeded"]);
  });

  it("is nothing when the person has seen another version", async () => {
    const queue = open(succeed);
    const { version } = file.read();
    await queue.submit(add("a", { version }));
    await expect(queue.submit(add("b", { version }))).rejects.toThrow(Conflict);
    expect(file.read().entries).toEqual([{ name: "a" }]);
    expect(queue.list()).toHaveLength(1);
  });
});

describe("the end of an operation", () => {
  it("is its own when the update fails for another", async () => {
    const queue = open(async () => ({
      state: "failed",
      reason: "all went wrong",
      failureOf: (project) => (project === "bad" ? "the name is taken" : undefined),
    }));
    const [good, bad] = await Promise.all([queue.submit(add("good")), queue.submit(add("bad"))]);
    await Promise.all([good, bad].map(({ id }) => ended(queue, id)));
    expect(queue.get(good.id)?.state).toBe("succeeded");
    expect(queue.get(bad.id)).toMatchObject({ state: "failed", error: "the name is taken" });
    expect(file.read().entries).toHaveLength(2);
  });

  it("is a failure when the update could not even begin", async () => {
    const queue = open(async () => {
      throw new Error("there is no engine");
    });
    const { id } = await queue.submit(add("a"));
    await ended(queue, id);
    expect(queue.get(id)).toMatchObject({ state: "failed", error: "there is no engine" });
  });

  it("comes after what was to be done afterwards, and only where that went well", async () => {
    const done = vi.fn(async () => {});
    const queue = open(succeed);
    const good = await queue.submit(add("a", { afterwards: done }));
    const bad = await queue.submit(add("b", { afterwards: () => Promise.reject(new Error("not allowed")) }));
    await Promise.all([good, bad].map(({ id }) => ended(queue, id)));
    expect(done).toHaveBeenCalledOnce();
    expect(queue.get(bad.id)).toMatchObject({ state: "failed", error: "not allowed" });
  });

  it("does what was to be done afterwards only after a success", async () => {
    const never = vi.fn(async () => {});
    const queue = open(async () => ({ state: "failed", reason: "no", failureOf: () => "no" }));
    await ended(queue, (await queue.submit(add("a", { afterwards: never }))).id);
    expect(never).not.toHaveBeenCalled();
  });
});

describe("a stack that somebody else updates", () => {
  it("is waited for, which is told once, and who comes meanwhile goes along", async () => {
    let busy = 3;
    const queue = open(async () =>
      busy-- > 0 ? { state: "busy", by: "Process 7 of alice" } : { state: "succeeded" },
    );
    const { id } = await queue.submit(add("a"));
    const events = await ended(queue, id);
    const messages = events.filter(({ event }) => event === "message");
    expect(messages).toHaveLength(1);
    expect(messages[0]?.data).toMatchObject({
      text: expect.stringContaining("Process 7 of alice is updating"),
    });
    expect(queue.get(id)?.state).toBe("succeeded");
  });
});

describe("followers", () => {
  it("are told from where they were, and after a restart how it has ended", async () => {
    const queue = open(succeed);
    const { id } = await queue.submit(add("a"));
    const all = await ended(queue, id);
    const rest: OperationEvent[] = [];
    for await (const event of queue.events(id, 2)) rest.push(event);
    expect(rest).toEqual(all.slice(2));
    await queue.close();
    expect(states(await ended(open(succeed), id))).toEqual(["succeeded"]);
    expect(() => queue.events("none")).toThrow(NotThere);
  });
});

describe("a crash", () => {
  it("interrupts what ran, keeps what waited, and has one update run for both", async () => {
    const first = new FakeUpdate();
    const before = open(first.run);
    const ran = await before.submit(add("a"));
    await first.nth(1);
    const waited = await before.submit(add("b"));
    const withMore = await before.submit(add("c", { afterwards: async () => {} }));
    // What a crash leaves is the folder as it is now.
    const update = new FakeUpdate();
    const after = open(update.run);
    await after.recover();
    (await update.nth(1)).end({ state: "succeeded" });
    await ended(after, waited.id);
    expect(after.get(ran.id)).toMatchObject({
      state: "interrupted",
      error: expect.stringContaining("in the middle"),
    });
    expect(after.get(withMore.id)).toMatchObject({
      state: "interrupted",
      error: expect.stringContaining("ask for it again"),
    });
    expect(after.get(waited.id)?.state).toBe("succeeded");
    expect(after.list()[0]).toMatchObject({ what: "go on after an interruption", person: "panel" });
    expect(update.begun).toHaveLength(1);
  });

  it("is nothing to recover from where all had ended", async () => {
    const before = open(succeed);
    await ended(before, (await before.submit(add("a"))).id);
    await before.close();
    const update = new FakeUpdate();
    await open(update.run).recover();
    expect(update.begun).toHaveLength(0);
  });

  it("and an end in order leave the same: the next start goes on", async () => {
    const first = new FakeUpdate();
    const before = open(first.run);
    const { id } = await before.submit(add("a"));
    await first.nth(1);
    await before.close();
    expect(before.get(id)?.state).toBe("interrupted");
    await expect(before.submit(add("b"))).rejects.toThrow("is being ended");
    const update = new FakeUpdate();
    await open(update.run).recover();
    (await update.nth(1)).end({ state: "succeeded" });
  });
});

describe("the journal", () => {
  it("is its owner's alone, has no secret, and keeps the last 200", async () => {
    const folder = join(directory, "operations");
    mkdirSync(folder);
    const old = {
      person: "x",
      what: "old",
      state: "succeeded",
      createdAt: "2026-01-01T00:00:00.000Z",
      done: 0,
    };
    for (let id = 20260101; id < 20260306; id++)
      writeFileSync(join(folder, `${id}.json`), JSON.stringify({ ...old, id: String(id) }));
    const queue = open(succeed);
    expect(queue.list()).toHaveLength(200);
    const { id } = await queue.submit(add("a", { secrets: { TOKEN: SECRET } }));
    await ended(queue, id);
    expect(queue.list()).toHaveLength(200);
    expect(queue.list()[0]?.id).toBe(id);
    expect(journal()).toHaveLength(200);
    expect(statSync(folder).mode & 0o777).toBe(0o700);
    expect(statSync(join(folder, `${id}.json`)).mode & 0o777).toBe(0o600);
    expect(JSON.stringify(journal())).not.toContain(SECRET);
  });

  it("passes over what is no operation", () => {
    mkdirSync(join(directory, "operations"));
    writeFileSync(join(directory, "operations", "x.json"), "{");
    writeFileSync(join(directory, "operations", "y.json.1.tmp"), "");
    expect(open(succeed).list()).toEqual([]);
    expect(readdirSync(join(directory, "operations"))).toEqual(["x.json"]);
  });
});

describe("secrets of a request", () => {
  it("are stored before the file is changed, and put back when that fails", async () => {
    const calls: string[] = [];
    const apply = makeApplyChange({
      file,
      secrets: {
        set: async (project, values) => {
          calls.push(`set ${project} ${Object.keys(values)}`);
          writeFileSync(path, "projects: []\n# by hand\n");
        },
        remove: async () => {},
        snapshot: () => () => calls.push("undone"),
      },
    });
    const { version } = file.read();
    const queue = open(succeed, apply);
    await expect(queue.submit(add("a", { version, secrets: { TOKEN: SECRET } }))).rejects.toThrow(Conflict);
    expect(calls).toEqual(["set a TOKEN", "undone"]);
    expect(readFileSync(path, "utf8")).toBe("projects: []\n# by hand\n");
  });

  it("are not touched for an entry that is wrong, and go with their entry", async () => {
    const store = secrets();
    const queue = open(succeed, makeApplyChange({ file, secrets: store }));
    await expect(queue.submit(add("Wrong", { secrets: { TOKEN: SECRET } }))).rejects.toThrow(
      "is not a project's name",
    );
    expect(store.set).not.toHaveBeenCalled();
    await queue.submit(add("a"));
    await queue.submit({ person, what: "delete a", project: "a", edit: { kind: "remove", name: "a" } });
    expect(store.remove.mock.calls).toEqual([["a"]]);
  });

  it("undo the file too when the repository refuses the change", async () => {
    const repository = {
      assertClean: async () => {},
      publish: () => Promise.reject(new Conflict("changed")),
    };
    const before = file.read().text;
    const queue = open(succeed, makeApplyChange({ file, secrets: secrets(), repository }));
    await expect(queue.submit(add("a"))).rejects.toThrow(Conflict);
    expect(file.read().text).toBe(before);
    expect(queue.list()).toEqual([]);
  });
});
