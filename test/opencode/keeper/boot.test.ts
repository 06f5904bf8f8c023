/** In which order projects start after a reboot, and whether one waits at its gate. */
import { describe, expect, it } from "vitest";

interface Waiting {
  readonly project: string;
  readonly isAsked: boolean;
  readonly wasAsleep: boolean;
}
interface Boot {
  first(): Promise<void>;
  started(project: string): Promise<void>;
  ended(project: string, id: string): Promise<void>;
  look(): Promise<void>;
}
const KEEPER = new URL("../../../opencode/rootfs/usr/local/lib/opencode-platform/keeper/", import.meta.url)
  .href;
const { gateOf } = (await import(`${KEEPER}gate.mjs`)) as { gateOf(commands: readonly string[]): string };
const { WAITS } = (await import(`${KEEPER}transitions.mjs`)) as { WAITS: string };
const { makeBoot, next } = (await import(`${KEEPER}boot.mjs`)) as {
  makeBoot(parts: object): Boot;
  next(waiting: readonly Waiting[], starting: number): string[];
};

const one = (project: string, more: Partial<Waiting> = {}): Waiting => ({
  project,
  isAsked: false,
  wasAsleep: false,
  ...more,
});

describe("who is next", () => {
  it.each([
    ["nobody", [], 0, []],
    ["two at a time", [one("a"), one("b"), one("c")], 0, ["a", "b"]],
    ["one while another starts", [one("a"), one("b")], 1, ["a"]],
    ["nobody while two start", [one("a")], 2, []],
    ["none that was asleep", [one("a", { wasAsleep: true }), one("b")], 0, ["b"]],
    ["whoever is asked for, first of all", [one("a"), one("b", { isAsked: true })], 1, ["b"]],
    ["whoever is asked for, however many start", [one("a", { isAsked: true })], 7, ["a"]],
    ["one that was asleep, when it is asked for", [one("a", { wasAsleep: true, isAsked: true })], 0, ["a"]],
    ["the asked, and what room is left", [one("a"), one("b"), one("c", { isAsked: true })], 0, ["c", "a"]],
  ] as const)("%s", (_, waiting, starting, expected) => {
    expect(next(waiting, starting)).toEqual(expected);
  });
});

const LIB = "/usr/local/lib/opencode-platform";
const init = `/sbin/docker-init\0--\0${LIB}/entrypoint\0`;

describe("a gate", () => {
  it.each([
    ["unknown", []],
    ["unknown", [""]],
    ["unknown", [init]],
    ["unknown", [init, `/bin/bash\0${LIB}/entrypoint\0`]],
    ["waiting", [init, `/bin/bash\0${LIB}/gate\0wait\0`]],
    ["waiting", [`/bin/bash\0${LIB}/gate\0wait\0`]],
    ["open", [init, `/bin/bash\0${LIB}/entrypoint\0started\0`]],
    ["open", [init, "/usr/local/bin/opencode\0serve\0"]],
    // A project's own program that looks like it.
    ["open", [init, `/usr/local/bin/opencode\0serve\0`, `/bin/bash\0/workspace/gate\0wait\0`]],
  ])("is %s for %j", (expected, commands) => {
    expect(gateOf(commands)).toBe(expected);
  });
});

/** Containers at their gates, and what is told to each. */
function machine(projects: readonly { name: string; asleep?: boolean; never?: boolean }[]) {
  const marks = new Map<string, string>();
  const told: string[] = [];
  const led: string[] = [];
  /** How many words fail from now on. */
  const fails = { words: 0, inspects: 0 };
  const time = { now: 0 };
  const gates = new Map(projects.map(({ name }) => [name, "waiting"]));
  const serving = new Set<string>();
  const lines: string[] = [];
  const held = new Map<string, () => Promise<void>>();
  const config = (name: string) => ({
    project: name,
    asleep: { of: name, at: "{address}" },
    awake: { direct: name },
    sleep: projects.find((each) => each.name === name)?.never ? null : { afterMs: 1, pending: false },
  });
  for (const { name, asleep } of projects)
    if (asleep) marks.set(name, `${JSON.stringify({ of: name, at: "old" })}\n`);
  const container = (name: string) => ({ id: name, name, state: "running", address: "new" });
  const world = {
    configs: async () => new Map(projects.map(({ name }) => [name, config(name)])),
    containers: async () => new Map(projects.map(({ name }) => [name, container(name)])),
    marks: async () => new Map([...marks].map(([name, text]) => [name, { text, since: 0 }])),
    mark: async (name: string, text: string) => void marks.set(name, text),
    unmark: async (name: string) => void marks.delete(name),
    answers: async ({ id }: { id: string }) => serving.has(id),
    route: async ({ project }: { project: string }) => {
      led.push(`${project}, after ${told.length} words`);
      return marks.get(project)?.includes('"of"') ? "asleep" : "direct";
    },
    wait: () => new Promise((resolve) => setTimeout(resolve, 1)),
    now: () => performance.now(),
  };
  const pids = projects.map(({ name }) => name);
  const docker = {
    inspect: async (id: string) => {
      if (fails.inspects-- > 0) throw new Error("Docker does not answer");
      return { State: { Pid: pids.indexOf(id) + 1 } };
    },
    post: async (path: string, _: object, body: { Cmd: string[] }) => {
      const name = path.split("/")[2] ?? "";
      told.push(`${name} ${body.Cmd[1]}`);
      if (fails.words-- > 0) throw new Error("Docker does not answer");
      if (body.Cmd[1] === "go") gates.set(name, "open");
      return { Id: "e" };
    },
    open: async () => Object.assign((async function* () {})(), { statusCode: 200 }),
    get: async () => ({ ExitCode: 0 }),
  };
  const leased = new Set<string>();
  const keeper = { held, leases: leased };
  const history = { add: (project: string, what: string) => lines.push(`${project} ${what}`) };
  const gate = async (pid: number) => gates.get(pids[pid - 1] ?? "") ?? "unknown";
  const boot = makeBoot({ docker, world, keeper, history, gate, now: () => time.now });
  const settled = () => new Promise((resolve) => setTimeout(resolve, 30));
  return { boot, fails, time, marks, told, led, gates, serving, lines, held, leased, settled };
}

describe("after a reboot", () => {
  it("two go at a time, the others wait with a mark by which they are woken", async () => {
    const { boot, marks, told, serving, held, settled } = machine(["a", "b", "c"].map((name) => ({ name })));
    await boot.first();
    await settled();
    expect(told).toEqual(["a go", "b go"]);
    expect([...marks]).toEqual([["c", `{"of":"c","at":"new"}\n${WAITS}`]]);
    expect([...held.keys()]).toEqual(["a", "b", "c"]);
    serving.add("b");
    await settled();
    expect(told).toEqual(["a go", "b go", "c go"]);
    serving.add("a").add("c");
    await settled();
    expect([[...marks], held.size]).toEqual([[["c", '{"direct":"c"}\n']], 0]);
  });

  it("one whose requests went straight to its address is let go once they are led to the waker", async () => {
    const { boot, marks, told, led, serving, settled } = machine([{ name: "a" }, { name: "b" }]);
    marks.set("a", '{"direct":"a"}\n');
    await boot.first();
    await settled();
    expect(marks.get("a")).toBe(`{"of":"a","at":"new"}\n${WAITS}`);
    expect([led, told.toSorted()]).toEqual([["a, after 1 words"], ["a go", "b go"]]);
    serving.add("a");
    await settled();
    expect(marks.get("a")).toBe('{"direct":"a"}\n');
  });

  it("what somebody asks for goes at once", async () => {
    const { boot, told, held, settled } = machine(["a", "b", "c", "d"].map((name) => ({ name })));
    await boot.first();
    await held.get("d")?.();
    await settled();
    expect(told).toEqual(["a go", "b go", "d go"]);
  });

  it("what was asleep waits until somebody asks for it, and is told that it may take long", async () => {
    const { boot, marks, told, serving, lines, held, settled } = machine([
      { name: "a", asleep: true },
      { name: "b", asleep: true, never: true },
    ]);
    serving.add("a").add("b");
    await boot.first();
    await settled();
    expect(told).toEqual(["b go"]);
    expect(marks.get("a")).toBe('{"of":"a","at":"new"}\n');
    await boot.look();
    await boot.look();
    expect(told).toEqual(["b go", "a hold"]);
    await held.get("a")?.();
    await settled();
    expect(told.at(-1)).toBe("a go");
    expect([marks.get("a"), held.size]).toEqual(['{"direct":"a"}\n', 0]);
    expect(lines).toContain("a started");
  });

  it("what could not be let go is let go by a later look, and waits until then", async () => {
    const { boot, fails, told, lines, held, serving, settled } = machine([{ name: "a" }]);
    serving.add("a");
    fails.words = 1;
    await boot.first();
    await settled();
    expect([told, [...held.keys()], lines]).toEqual([["a go"], ["a"], ["a not started"]]);
    await boot.look();
    await settled();
    expect([told.filter((word) => word === "a go").length, held.size]).toEqual([2, 0]);
  });

  it("what could not be looked at, or had hardly started, is looked at again", async () => {
    const { boot, fails, gates, held } = machine([{ name: "a" }, { name: "b" }]);
    fails.inspects = 2;
    await boot.first();
    expect(held.size).toBe(0);
    gates.set("b", "unknown");
    await boot.look();
    expect([...held.keys()]).toEqual(["a"]);
    gates.set("b", "waiting");
    await boot.look();
    expect([...held.keys()]).toEqual(["a", "b"]);
  });

  it("all that wait are told that they may, a few at a time, while others start, and again later", async () => {
    const names = ["a", "b", "c", "d", "e", "f", "g"];
    const { boot, told, time, settled } = machine(names.map((name) => ({ name })));
    await boot.first();
    await settled();
    const holds = () => told.filter((word) => word.endsWith(" hold"));
    await boot.look();
    expect(holds()).toEqual(["c hold", "d hold", "e hold", "f hold"]);
    await boot.look();
    await boot.look();
    expect(holds().slice(4)).toEqual(["g hold"]);
    time.now += 21 * 60_000;
    await boot.look();
    await boot.look();
    expect(holds().slice(5).sort()).toEqual(["c hold", "d hold", "e hold", "f hold", "g hold"]);
  });

  it("a keeper that was killed meanwhile knows what is to start by itself", async () => {
    const world = machine([{ name: "a", asleep: true }]);
    world.marks.set("a", `{"of":"a","at":"old"}\n${WAITS}`);
    await world.boot.first();
    await world.settled();
    expect(world.told).toEqual(["a go"]);
  });

  it("one that has ended at its gate is held no more, nor one that has gone by itself", async () => {
    const { boot, gates, marks, held } = machine(["a", "b", "c", "d"].map((name) => ({ name })));
    await boot.first();
    gates.set("c", "unknown");
    await boot.ended("c", "c");
    gates.set("d", "open");
    await boot.look();
    expect([...held.keys()]).toEqual(["a", "b"]);
    expect([...marks]).toEqual([["d", '{"direct":"d"}\n']]);
  });

  it("one that is parked at its gate keeps its mark, and goes at once when it is back", async () => {
    const { boot, gates, marks, told, held, leased, serving, settled } = machine(
      ["a", "b", "c"].map((name) => ({ name })),
    );
    await boot.first();
    await settled();
    leased.add("c");
    gates.set("c", "unknown");
    await boot.ended("c", "c");
    expect([held.has("c"), marks.has("c")]).toEqual([false, true]);
    leased.delete("c");
    gates.set("c", "waiting");
    serving.add("c");
    await boot.started("c");
    await held.get("c")?.();
    await settled();
    expect([told.at(-1), marks.get("c")]).toEqual(["c go", '{"direct":"c"}\n']);
  });
});
