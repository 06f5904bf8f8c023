/** Operations that are no update: beside the queue, and what becomes of them when the panel ends. */
import { describe, expect, it, vi } from "vitest";
import { fail } from "../../../config/errors.ts";
import { makeApplyChange } from "../../../panel/server/platform/change.ts";
import { type OperationRequest, ShuttingDown } from "../../../panel/server/platform/types.ts";
import { whileOpenUntil } from "../../../panel/server/platform/work.ts";
import {
  add,
  ended,
  FakeUpdate,
  journal,
  open,
  person,
  secrets,
  states,
  succeed,
  useCoreWorld,
  world,
} from "../../support/panel/core-world.ts";

useCoreWorld();

const working = (work: NonNullable<OperationRequest["work"]>): OperationRequest => ({
  person,
  what: "back up a",
  project: "a",
  work,
});

describe("work", () => {
  it("runs no update, waits for none, and none waits for it", async () => {
    const update = new FakeUpdate();
    const queue = open(update.run);
    const { promise, resolve } = Promise.withResolvers<void>();
    const before = await queue.submit(add("a"));
    const running = await update.nth(1);
    const work = await queue.submit(working(() => promise));
    const after = await queue.submit(add("b"));
    running.end({ state: "succeeded" });
    (await update.nth(2)).end({ state: "succeeded" });
    for (const { id } of [before, after]) expect(states(await ended(queue, id)).at(-1)).toBe("succeeded");
    expect(queue.get(work.id)?.state).toBe("running");
    resolve();
    expect(states(await ended(queue, work.id))).toEqual(["queued", "running", "succeeded"]);
    expect(update.begun).toHaveLength(2);
  });

  it("shows how far it is, once for each step", async () => {
    const queue = open(succeed);
    const { id } = await queue.submit(
      working(async ({ report }) => {
        report("reading", 10);
        report("reading", 20.4);
        report("writing");
      }),
    );
    const events = await ended(queue, id);
    const messages = events.flatMap((event) => (event.event === "message" ? [event.data.text] : []));
    expect(messages).toEqual(["reading", "writing"]);
    const counts = events.flatMap((event) =>
      event.event === "state" ? [`${event.data.done}/${event.data.total}`] : [],
    );
    expect(counts).toEqual(expect.arrayContaining(["10/100", "20/100", "100/100"]));
  });

  it("fails with its reason, whoever's it is", async () => {
    const queue = open(succeed);
    const refused = await queue.submit(working(async () => fail("conflict", "a", "is busy", "wait")));
    await ended(queue, refused.id);
    const thrown = await queue.submit(
      working(() => {
        throw new Error("no such thing");
      }),
    );
    await ended(queue, thrown.id);
    expect([refused, thrown].map(({ id }) => queue.get(id))).toMatchObject([
      { state: "failed", error: "a: is busy — wait" },
      { state: "failed", error: "no such thing" },
    ]);
  });

  it("can run another operation to its end", async () => {
    const update = new FakeUpdate();
    const queue = open(update.run);
    const ends: unknown[] = [];
    const { id } = await queue.submit(working(async ({ run }) => void ends.push(await run(add("b")))));
    (await update.nth(1)).end({ state: "succeeded" });
    await ended(queue, id);
    expect(ends).toMatchObject([{ what: "create b", state: "succeeded" }]);
    expect(world.file.read().entries).toEqual([{ name: "b" }]);
  });

  it("is left to itself when the panel ends, and is not repeated", async () => {
    const queue = open(succeed);
    const never = vi.fn(() => new Promise<void>(() => {}));
    const { id } = await queue.submit(working(never));
    await vi.waitFor(() => expect(queue.get(id)?.state).toBe("running"));
    await queue.close();
    expect(queue.get(id)).toMatchObject({
      state: "interrupted",
      error: expect.stringContaining("goes on without it"),
    });
    const update = new FakeUpdate();
    const next = open(update.run);
    await next.recover();
    expect(next.get(id)).toMatchObject({
      state: "interrupted",
      error: expect.stringContaining("goes on without it"),
    });
    expect(next.list()).toHaveLength(1);
    expect([never.mock.calls.length, update.begun.length]).toEqual([1, 0]);
    expect(journal().map(({ state }) => state)).toEqual(["interrupted"]);
  });
});

describe("what comes after an update", () => {
  it("may take long: others don't wait for it, and see how far it is", async () => {
    const queue = open(succeed);
    const { promise, resolve } = Promise.withResolvers<void>();
    const long = await queue.submit(
      add("a", {
        afterwards: async (report) => {
          report("taking a last backup");
          await promise;
        },
      }),
    );
    const other = await queue.submit(add("b"));
    expect(states(await ended(queue, other.id)).at(-1)).toBe("succeeded");
    expect(queue.get(long.id)?.state).toBe("running");
    resolve();
    const events = await ended(queue, long.id);
    expect(states(events).at(-1)).toBe("succeeded");
    expect(events).toContainEqual(
      expect.objectContaining({ event: "message", data: { severity: "info", text: "taking a last backup" } }),
    );
  });

  it("is not cut off when the panel ends: that waits until files are deleted", async () => {
    const queue = open(succeed);
    const { promise, resolve } = Promise.withResolvers<void>();
    const { id } = await queue.submit(add("a", { afterwards: () => promise }));
    await vi.waitFor(() => expect(queue.get(id)?.state).toBe("running"));
    const order: string[] = [];
    const closed = queue.close().then(() => order.push("closed"));
    await new Promise(setImmediate);
    order.push("deleted");
    resolve();
    await closed;
    expect([order, queue.get(id)?.state]).toEqual([["deleted", "closed"], "succeeded"]);
    expect(journal().map(({ state }) => state)).toEqual(["succeeded"]);
  });

  it("waits for a last backup no longer than the panel runs, deletes nothing then, and is to be repeated", async () => {
    const queue = open(succeed);
    const backup = vi.fn(() => new Promise<void>(() => {}));
    const deletion = vi.fn();
    const afterwards: OperationRequest["afterwards"] = async (_, whileOpen) => {
      await whileOpen(backup);
      deletion();
    };
    const { id } = await queue.submit(add("a", { afterwards }));
    await vi.waitFor(() => expect(backup).toHaveBeenCalledOnce());
    await queue.close();
    const toRepeat = expect.stringContaining("were not finished: repeat the operation");
    expect(queue.get(id)).toMatchObject({ state: "interrupted", error: toRepeat });
    const next = open(succeed);
    await next.recover();
    expect(next.get(id)).toMatchObject({ state: "interrupted", error: toRepeat });
    expect(deletion).not.toHaveBeenCalled();
  });

  it("is said to be repeated if the panel ends during the update before it", async () => {
    const update = new FakeUpdate();
    const queue = open(update.run);
    const { id } = await queue.submit(add("a", { afterwards: async () => {} }));
    await update.nth(1);
    await queue.close();
    expect(queue.get(id)?.error).toContain("repeat the operation");
    expect(queue.get(id)?.error).not.toContain("continues");
  });
});

it("nothing is begun that the panel would not wait for once it ends", async () => {
  const work = vi.fn(async () => {});
  await expect(whileOpenUntil(AbortSignal.abort())(work)).rejects.toThrow(ShuttingDown);
  expect(work).not.toHaveBeenCalled();
});

it("a copy gets the original's own secrets before its entry is checked, and written", async () => {
  const held = { ...secrets(), names: () => ["TOKEN"], copy: vi.fn() };
  const check = vi.spyOn(world.file, "validate");
  const queue = open(succeed, makeApplyChange({ file: world.file, secrets: held }));
  await ended(queue, (await queue.submit(add("a", { secretsOf: "shop" }))).id);
  expect(check).toHaveBeenCalledWith(expect.anything(), undefined, { project: "a", names: ["TOKEN"] });
  expect(held.copy).toHaveBeenCalledWith("shop", "a");
});
