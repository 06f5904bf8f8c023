import { describe, expect, it } from "vitest";
import { unixTime } from "../../../operate/docker/engine.ts";
import { readFrames, readLines } from "../../../operate/docker/frames.ts";
import { LogHub } from "../../../operate/docker/logs.ts";
import { FakeEngine, line, settle } from "../../support/panel/api-engine.ts";
import { container, FakeContainers } from "../../support/panel/api-world.ts";

describe("Docker's log stream", () => {
  const frame = (kind: 1 | 2, text: string) => {
    const data = Buffer.from(text);
    const head = Buffer.from([kind, 0, 0, 0, 0, 0, 0, 0]);
    head.writeUInt32BE(data.length, 4);
    return Buffer.concat([head, data]);
  };
  const all = async <T>(items: AsyncIterable<T>) => {
    const list: T[] = [];
    for await (const item of items) list.push(item);
    return list;
  };

  it("is parsed at any chunk size", async () => {
    const at = "2026-01-01T00:00:00.123456789Z";
    const bytes = Buffer.concat([
      frame(1, `${at} héllo\n`),
      frame(2, `${at} oh`),
      frame(1, `${at} two\n${at} three\n`),
      frame(2, " no\n"),
    ]);
    const expected = [
      { at, stream: "stdout", text: "héllo" },
      { at, stream: "stdout", text: "two" },
      { at, stream: "stdout", text: "three" },
      { at, stream: "stderr", text: "oh no" },
    ];
    for (const size of [1, 2, 3, 7, 1000]) {
      const chunks = Array.from({ length: Math.ceil(bytes.length / size) }, (_, index) =>
        bytes.subarray(index * size, (index + 1) * size),
      );
      expect(await all(readLines(chunks, false))).toEqual(expected);
    }
    expect(await all(readFrames([Buffer.from("raw")], true))).toEqual([
      { stream: "stdout", data: Buffer.from("raw") },
    ]);
  });

  it("takes out what a terminal obeys, and what turns the direction of text", async () => {
    const at = "2026-01-01T00:00:00.123456789Z";
    const bytes = frame(1, `${at} \u001b[31mred\u001b[0m \u001b]0;title\u0007\u202eabc\u0085\r\n`);
    expect(await all(readLines([bytes], false))).toEqual([{ at, stream: "stdout", text: "red abc" }]);
  });

  it("splits endless lines", async () => {
    const chunks = Array.from({ length: 20 }, () => frame(1, "x".repeat(10_000)));
    const lines = await all(readLines(chunks, false));
    expect(lines.length).toBeGreaterThan(1);
    for (const { text } of lines) expect(text.length).toBeLessThan(17_000);
    expect(unixTime("1970-01-01T00:00:01.5Z")).toBe("1.500000000");
  });
});

describe("followers of a log", () => {
  const following = (hub: LogHub, lines = 100) => {
    const [stop, got] = [new AbortController(), [] as string[]];
    const done = (async () => {
      for await (const { text } of hub.follow("web-shop", lines, stop.signal)) got.push(text);
    })();
    return { stop: () => stop.abort(), got, done };
  };
  const make = () => {
    const [engine, containers] = [new FakeEngine(), new FakeContainers()];
    containers.put(container("web-shop"));
    return { engine, containers, hub: new LogHub(engine, containers) };
  };

  it("share one stream, each with its own number of last lines", async () => {
    const { engine, hub, containers } = make();
    engine.past.set("id-web-shop", [line("a"), line("b"), line("c", 1)]);
    const early = Array.from({ length: 50 }, () => following(hub, 2));
    await settle();
    expect(engine.followed).toHaveLength(1);
    expect(engine.followed[0]?.request.since).toBe(line("c", 1).at);
    engine.followed[0]?.channel.push(line("c", 1), line("d", 2));
    await settle();
    const late = following(hub, 3);
    await settle();
    expect(new Set(early.map(({ got }) => got.join()))).toEqual(new Set(["b,c,d"]));
    expect(late.got).toEqual(["b", "c", "d"]);
    expect(engine.followed).toHaveLength(1);
    for (const follower of [...early, late]) follower.stop();
    await Promise.all([...early, late].map(({ done }) => done));
    await settle();
    expect([engine.followed[0]?.channel.isOpen, containers.listeners.size]).toEqual([false, 0]);
    const again = following(hub, 1);
    await settle();
    expect(engine.followed).toHaveLength(2);
    again.stop();
    await again.done;
  });

  it("continue with a replaced container, with a message", async () => {
    const { engine, hub, containers } = make();
    const follower = following(hub);
    await settle();
    engine.followed[0]?.channel.push(line("old"));
    engine.followed[0]?.channel.end();
    await settle();
    expect(engine.followed).toHaveLength(1);
    containers.put(container("web-shop", { id: "another" }));
    await settle();
    expect(engine.followed[1]?.id).toBe("another");
    engine.followed[1]?.channel.push(line("new"));
    await settle();
    expect(follower.got).toEqual([
      "old",
      "The container was replaced. The new one's log begins here.",
      "new",
    ]);
    follower.stop();
    await follower.done;
  });

  it("continue after a restart without repeated lines", async () => {
    const { engine, hub, containers } = make();
    const follower = following(hub);
    await settle();
    engine.followed[0]?.channel.push(line("before", 5));
    engine.followed[0]?.channel.end();
    await settle();
    containers.put(container("web-shop", { startedAt: "2026-01-02T00:00:00Z" }));
    await settle();
    expect(engine.followed[1]?.request.since).toBe(line("", 5).at);
    engine.followed[1]?.channel.push(line("before", 5), line("after", 6));
    await settle();
    expect(follower.got).toEqual(["before", "after"]);
    follower.stop();
    await follower.done;
  });

  it("wait for a container that does not exist yet", async () => {
    const [engine, containers] = [new FakeEngine(), new FakeContainers()];
    const hub = new LogHub(engine, containers);
    const follower = following(hub);
    await settle();
    expect(await hub.last("web-shop", 10)).toEqual([]);
    containers.put(container("web-shop"));
    await settle();
    engine.followed[0]?.channel.push(line("first"));
    await settle();
    expect(follower.got).toEqual(["first"]);
    follower.stop();
    await follower.done;
  });

  it("are dropped if they do not read, without affecting others", async () => {
    const { engine, hub } = make();
    const lazy = hub.follow("web-shop", 0, new AbortController().signal)[Symbol.asyncIterator]();
    const first = lazy.next();
    const eager = following(hub, 0);
    await settle();
    for (let index = 0; index < 6; index++) {
      engine.followed[0]?.channel.push(...Array.from({ length: 1000 }, () => line("x")));
      await settle();
      while (eager.got.length < (index + 1) * 1000) await settle();
    }
    expect((await first).value).toMatchObject({ text: "x" });
    expect((await lazy.next()).value).toMatchObject({
      stream: "panel",
      text: expect.stringMatching(/faster/),
    });
    expect((await lazy.next()).done).toBe(true);
    expect(eager.got).toHaveLength(6000);
    eager.stop();
    await eager.done;
  });
});
