import { describe, expect, it } from "vitest";
import { Cleaning } from "../../../lab/bench/lib/cleaning.ts";
import { parseMachine, parseSmaps, parseStat } from "../../../lab/bench/lib/cost.ts";
import { makeClock, Reader } from "../../../lab/bench/lib/lines.ts";

describe("cleaning", () => {
  it("runs each cleanup once, latest first, despite failures", async () => {
    const cleaning = new Cleaning();
    const ended: string[] = [];
    const add = (name: string, fails = false) =>
      cleaning.add(async () => {
        ended.push(name);
        if (fails) throw new Error(`${name} failed`);
      });
    add("platform");
    add("panel", true);
    await add("browser")();
    add("followers", true);
    await expect(cleaning.all()).rejects.toThrow("followers failed");
    expect(ended).toEqual(["browser", "followers", "panel", "platform"]);
    await cleaning.all();
    expect(ended).toHaveLength(4);
  });
});

describe("a follower of a log", () => {
  const written = (number: number) => `{"text":"run-1 ${number} 1700000000.25${number}000 xx"}\n`;
  const reader = () => new Reader("run-1");

  it("finds the lines in chunks, among others", () => {
    const one = reader();
    one.take("another's line\nrun-1 ma", 0);
    expect(one.isFollowing).toBe(false);
    one.take(`rk\n: heartbeat\n${written(1)}${written(2).slice(0, 20)}`, 1_700_000_000_255);
    expect([one.isFollowing, one.count]).toEqual([true, 1]);
    one.take(written(2).slice(20), 1_700_000_000_260);
    expect([one.count, one.trouble]).toEqual([2, undefined]);
    expect(one.delays.map(Math.round)).toEqual([4, 8]);
  });

  it.each([
    ["lost", [1, 3], "got line 3 instead of line 2"],
    ["doubled", [1, 1], "got line 1 instead of line 2"],
    ["first lost", [2, 3], "got line 2 instead of line 1"],
  ])("notices a line that is %s", (_, numbers, trouble) => {
    const one = reader();
    for (const number of numbers) one.take(written(number), 0);
    expect(one.trouble).toBe(trouble);
  });

  it("reports where the stream ended", () => {
    const one = reader();
    one.take(written(1), 0);
    one.cutOff();
    expect(one.trouble).toBe("ended after line 1");
  });

  it("measures time more precisely than Date.now", () => {
    const clock = makeClock();
    const times = Array.from({ length: 5 }, () => {
      const before = Date.now();
      return { before, now: clock(), after: Date.now() };
    });
    for (const { before, now, after } of times) {
      expect(now).toBeGreaterThan(before - 2);
      expect(now).toBeLessThan(after + 2);
    }
  });
});

describe("costs", () => {
  it("parses CPU time and memory of processes", () => {
    const stat = `7 (a) b) S 1 7 7 0 -1 4194560 1 2 3 4 150 25 8 9 20 0 11 0 99 1 2`;
    expect(parseStat(stat)).toBe(1750);
    expect(
      parseSmaps("55d0-7ffe ---p 0 0:0 0 [rollup]\nRss:  900 kB\nPss:      512 kB\nPss_Anon: 1 kB\n"),
    ).toBe(512 * 1024);
    expect(() => parseSmaps("")).toThrow("no Pss");
    expect(parseMachine("cpu  100 10 50 9000 800 3 7 600 0 0\ncpu0 1 1 1 1 1 1 1 1 0 0\n")).toBe(1700);
  });
});
