import { writeFileSync } from "node:fs";
import { describe, expect, it, vi } from "vitest";
import {
  Conflict,
  NotFound,
  type OperationEvent,
  type Operations,
  ShuttingDown,
} from "../../../panel/server/platform/types.ts";

import {
  add,
  ended,
  FakeUpdate,
  open,
  person,
  states,
  succeed,
  useCoreWorld,
  world,
} from "../../support/panel/core-world.ts";

useCoreWorld();

describe("concurrent operations", () => {
  it("change the file at once and share one update; invalid ones are refused", async () => {
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
    expect(world.file.read().entries).toEqual(names.map((name) => ({ name })));
    (await update.nth(1)).end({ state: "succeeded" });
    await vi.waitFor(() =>
      expect(queue.list().filter(({ state }) => state === "succeeded")).toHaveLength(20),
    );
    expect(update.begun).toHaveLength(1);
  });

  it("share the next update while one runs", async () => {
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

  it("are rejected for a stale version", async () => {
    const queue = open(succeed);
    const { version } = world.file.read();
    await queue.submit(add("a", { version }));
    await expect(queue.submit(add("b", { version }))).rejects.toThrow(Conflict);
    expect(world.file.read().entries).toEqual([{ name: "a" }]);
    expect(queue.list()).toHaveLength(1);
  });

  it("conflict with the operation that changed the file, also after a restart", async () => {
    const queue = open(succeed);
    const { version } = world.file.read();
    const conflict = (of: Operations) => of.submit(add("late", { version })).catch((error) => error);
    const a = await queue.submit(add("a"));
    // An operation without a change does not count.
    await queue.submit({ person, what: "start a", edit: { kind: "change", name: "a", values: {} } });
    expect((await conflict(queue)).by).toMatchObject({ id: a.id, what: "create a", person: person.email });
    await queue.close();
    const after = open(succeed);
    expect((await conflict(after)).by).toMatchObject({ id: a.id });
    writeFileSync(world.path, `${world.file.read().text}# by hand\n`);
    const outside = await conflict(after);
    expect(outside).toBeInstanceOf(Conflict);
    expect([outside.currentVersion, outside.by]).toEqual([world.file.read().version, undefined]);
    expect(JSON.stringify(after.list())).not.toContain("version");
  });
});

describe("an update", () => {
  it("is limited to a project if all queued operations are of that project", async () => {
    const update = new FakeUpdate();
    const queue = open(update.run);
    const next = async (count: number) => {
      const begun = await update.nth(count);
      begun.end({ state: "succeeded" });
      return begun.project;
    };
    await queue.submit(add("a"));
    expect(await next(1)).toBe("a");
    const two = Promise.all(["b", "c"].map((name) => queue.submit(add(name))));
    expect(await next(2)).toBeUndefined();
    await two;
    await queue.submit(add("a", { what: "delete a", edit: { kind: "remove", name: "a" } }));
    expect(await next(3)).toBeUndefined();
  });
});

describe("the end of an operation", () => {
  it("does not depend on another project's failure", async () => {
    const queue = open(async () => ({
      state: "failed",
      reason: "all went wrong",
      failureOf: (project) => (project === "bad" ? "the name is taken" : undefined),
    }));
    const [good, bad] = await Promise.all([queue.submit(add("good")), queue.submit(add("bad"))]);
    await Promise.all([good, bad].map(({ id }) => ended(queue, id)));
    expect(queue.get(good.id)?.state).toBe("succeeded");
    expect(queue.get(bad.id)).toMatchObject({ state: "failed", error: "the name is taken" });
    expect(world.file.read().entries).toHaveLength(2);
  });

  it("is a failure if the update could not start", async () => {
    const queue = open(async () => {
      throw new Error("engine not found");
    });
    const { id } = await queue.submit(add("a"));
    await ended(queue, id);
    expect(queue.get(id)).toMatchObject({ state: "failed", error: "engine not found" });
  });

  it("comes after afterwards, which can fail it", async () => {
    const done = vi.fn(async () => {});
    const queue = open(succeed);
    const good = await queue.submit(add("a", { afterwards: done }));
    const bad = await queue.submit(add("b", { afterwards: () => Promise.reject(new Error("not allowed")) }));
    await Promise.all([good, bad].map(({ id }) => ended(queue, id)));
    expect(done).toHaveBeenCalledOnce();
    expect(queue.get(bad.id)).toMatchObject({ state: "failed", error: "not allowed" });
  });

  it("skips afterwards after a failed update", async () => {
    const never = vi.fn(async () => {});
    const queue = open(async () => ({ state: "failed", reason: "no", failureOf: () => "no" }));
    await ended(queue, (await queue.submit(add("a", { afterwards: never }))).id);
    expect(never).not.toHaveBeenCalled();
  });
});

describe("a busy stack", () => {
  it("is waited for, with one message", async () => {
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
  it("continue after an id, and get the result after a restart", async () => {
    const queue = open(succeed);
    const { id } = await queue.submit(add("a"));
    const all = await ended(queue, id);
    const rest: OperationEvent[] = [];
    for await (const event of queue.events(id, 2)) rest.push(event);
    expect(rest).toEqual(all.slice(2));
    await queue.close();
    expect(states(await ended(open(succeed), id))).toEqual(["succeeded"]);
    expect(() => queue.events("none")).toThrow(NotFound);
  });
});

describe("a crash", () => {
  it("interrupts running operations, keeps queued ones, and runs one update for both", async () => {
    const first = new FakeUpdate();
    const before = open(first.run);
    const ran = await before.submit(add("a"));
    await first.nth(1);
    const waited = await before.submit(add("b"));
    const withMore = await before.submit(add("c", { afterwards: async () => {} }));
    // A crash leaves the folder as it is now.
    const update = new FakeUpdate();
    const after = open(update.run);
    await after.recover();
    (await update.nth(1)).end({ state: "succeeded" });
    await ended(after, waited.id);
    expect(after.get(ran.id)).toMatchObject({
      state: "interrupted",
      error: expect.stringContaining("stopped during the update"),
    });
    expect(after.get(withMore.id)).toMatchObject({
      state: "interrupted",
      error: expect.stringContaining("repeat the operation"),
    });
    expect(after.get(waited.id)?.state).toBe("succeeded");
    expect(after.list()[0]).toMatchObject({ what: "recover from an interruption", person: "panel" });
    expect(update.begun).toHaveLength(1);
  });

  it("needs no recovery if all operations had ended", async () => {
    const before = open(succeed);
    await ended(before, (await before.submit(add("a"))).id);
    await before.close();
    const update = new FakeUpdate();
    await open(update.run).recover();
    expect(update.begun).toHaveLength(0);
  });

  it("and a shutdown are both recovered at the next start", async () => {
    const first = new FakeUpdate();
    const before = open(first.run);
    const { id } = await before.submit(add("a"));
    await first.nth(1);
    await before.close();
    expect(before.get(id)?.state).toBe("interrupted");
    await expect(before.submit(add("b"))).rejects.toThrow(ShuttingDown);
    expect(world.file.read().entries).toEqual([{ name: "a" }]);
    const update = new FakeUpdate();
    await open(update.run).recover();
    (await update.nth(1)).end({ state: "succeeded" });
  });
});
