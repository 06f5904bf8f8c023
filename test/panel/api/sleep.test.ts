/** Waking projects, putting them to sleep, and what the panel shows of both. */
import { describe, expect, it } from "vitest";
import { makeControl } from "../../../operate/docker/control.ts";
import type { Engine } from "../../../operate/docker/engine.ts";
import type { Overview } from "../../../panel/server/api/schema.ts";
import {
  ADMIN,
  container,
  eventsIn,
  MACHINE,
  MEMBER,
  OWNER,
  STRANGER,
  World,
} from "../../support/panel/api-world.ts";

const since = "2026-11-30T03:12:00.000Z";
const paused = { isPaused: true, status: "paused" };
const of = (act: string) => `/api/projects/web-shop/${act}`;
const answerOf = async (response: Response) => [response.status, await response.json()];

describe("waking and putting to sleep", () => {
  it.each(["wake", "sleep"] as const)(
    "%s: asks the keeper, is audited before and after, and needs no operation",
    async (act) => {
      const world = new World();
      world.containers.put(container("web-shop", paused));
      const text = world.operations.text;
      expect(await answerOf(await world.ask("POST", of(act)))).toEqual([
        200,
        { state: act === "wake" ? "awake" : "asleep" },
      ]);
      expect(world.controlled).toEqual([`${act} web-shop`]);
      expect([world.operations.requests, world.operations.text]).toEqual([[], text]);
      const line = { act, project: "web-shop", who: { email: ADMIN.email, kind: "person" } };
      expect(world.begun).toEqual([expect.objectContaining(line)]);
      expect(world.acts).toEqual([expect.objectContaining({ ...line, outcome: "accepted", status: 200 })]);
    },
  );

  it("is for whoever may start and stop the project", async () => {
    const world = new World();
    const statuses = async (person: typeof MEMBER) => {
      world.person = person;
      return [(await world.ask("POST", of("wake"))).status, (await world.ask("POST", of("sleep"))).status];
    };
    for (const person of [ADMIN, OWNER, MEMBER]) expect(await statuses(person)).toEqual([200, 200]);
    for (const person of [MACHINE, STRANGER]) expect(await statuses(person)).toEqual([403, 403]);
    expect(world.controlled).toHaveLength(6);
    world.person = MEMBER;
    expect((await world.ask("POST", "/api/projects/secret-plan/wake")).status).toBe(404);
  });

  it("says in a sentence why not", async () => {
    const world = new World();
    world.refusal = { kind: "refused", reason: "a session is busy." };
    expect(await answerOf(await world.ask("POST", of("sleep")))).toEqual([
      409,
      expect.objectContaining({ detail: "web-shop can't be put to sleep: a session is busy." }),
    ]);
    world.refusal = { kind: "missing", reason: "the keeper is not running" };
    expect(await answerOf(await world.ask("POST", of("wake")))).toEqual([
      503,
      expect.objectContaining({ detail: "web-shop can't be woken: the keeper is not running." }),
    ]);
    expect(world.acts.map(({ outcome, status }) => [outcome, status])).toEqual([
      ["refused", 409],
      ["failed", 503],
    ]);
    expect(world.defects).toEqual([]);
  });

  it("is not done while the audit log can't be written, nor for somebody whose right was taken meanwhile", async () => {
    const unwritten = new World({
      audit: { record: async () => Promise.reject(new Error("ENOSPC")), close: () => {} },
    });
    expect((await unwritten.ask("POST", of("sleep"))).status).toBe(503);
    const taken: World = new World({
      audit: {
        record: async () => {
          taken.operations.text = taken.operations.text.replace(
            "members: [shop]",
            "members: [zoe@example.com]",
          );
        },
        close: () => {},
      },
    });
    taken.person = MEMBER;
    expect((await taken.ask("POST", of("wake"))).status).toBe(404);
    expect([unwritten.controlled, taken.controlled]).toEqual([[], []]);
  });
});

describe("the list", () => {
  const first = async (world: World) => {
    const { projects } = (await (await world.ask("GET", "/api/projects")).json()) as Overview;
    return projects[0];
  };

  it("has which project sleeps and since when, and wakes none", async () => {
    const world = new World();
    world.containers.put(
      container("web-shop", { ...paused, healthLine: "listening: 3000; workspace: kept" }),
    );
    world.kept.set("web-shop", { project: "web-shop", state: "asleep", since });
    expect(await first(world)).toMatchObject({ state: "asleep", since, listening: [] });
    const stream = await world.ask("GET", "/api/projects/events");
    const reader = (stream.body as ReadableStream<Uint8Array>)
      .pipeThrough(new TextDecoderStream())
      .getReader();
    let text = "";
    while (eventsIn(text).length === 0) text += (await reader.read()).value ?? "";
    await reader.cancel();
    expect(eventsIn(text)[0]?.data.projects[0]).toMatchObject({ state: "asleep", since });
    for (const path of [of("logs"), of("history"), "/api/health"]) await world.ask("GET", path);
    expect(world.controlled).toEqual([]);
  });

  it("leaves one that an admin has paused paused, and says where nobody knows who did", async () => {
    const world = new World();
    world.containers.put(container("web-shop", paused));
    expect(await first(world)).toMatchObject({ state: "stopped", reason: "paused" });
    const problem = "the keeper is not responding";
    const silent = new World({ sleep: { ...world.parts.sleep, problem } });
    silent.containers.put(container("web-shop", paused));
    expect(await first(silent)).toMatchObject({ state: "stopped", reason: `paused; ${problem}` });
  });

  it("says of one that sleeps what is wrong with its services, which don't sleep with it", async () => {
    const world = new World();
    const db = {
      ...container("db", paused),
      name: "papi-service-web-shop.db",
      project: "",
      service: { project: "web-shop", name: "db" },
    };
    world.containers.put(container("web-shop", paused));
    world.containers.put(db);
    world.kept.set("web-shop", { project: "web-shop", state: "asleep", since });
    expect(await first(world)).toMatchObject({ state: "asleep", reason: "service db is paused" });
  });
});

describe("the history", () => {
  const diagnosis = ["last line of its log", "memory: 1.9 GiB of 2 GiB"];
  const events = [
    { at: since, what: "asleep", text: "5 MiB in RAM, 438 MiB in swap" },
    { at: "2026-11-30T09:00:00.000Z", what: "healed", text: "unhealthy for 3 min", diagnosis },
  ];

  it("is what the keeper did and saw, for whoever may read the log, and is audited as that is", async () => {
    const world = new World();
    world.history.set("web-shop", events);
    for (const person of [ADMIN, MEMBER, MACHINE]) {
      world.person = person;
      expect(await answerOf(await world.ask("GET", of("history")))).toEqual([200, { events }]);
    }
    expect(world.begun.map(({ act, project }) => `${act} ${project}`)).toEqual(
      Array(3).fill("read history web-shop"),
    );
    world.person = STRANGER;
    expect((await world.ask("GET", of("history"))).status).toBe(403);
  });

  it("is a clear error without a keeper", async () => {
    const world = new World();
    const keeper = {
      ...world.parts.keeper,
      history: async () => ({ kind: "silent", reason: "the keeper is not responding" }) as const,
    };
    const silent = new World({ keeper });
    expect(await answerOf(await silent.ask("GET", of("history")))).toEqual([
      503,
      expect.objectContaining({
        detail: "The history of web-shop can't be read: the keeper is not responding.",
      }),
    ]);
  });
});

describe("starting and stopping one that sleeps", () => {
  /** An engine as Docker is, with what is paused. */
  function stack({ wakes, paused = ["project-shop"] }: { wakes: boolean; paused?: readonly string[] }) {
    const calls: string[] = [];
    const asleep = new Set(paused);
    const engine = {
      inspect: async (name: string) => ({ Id: name, Name: name, State: { Paused: asleep.has(name) } }),
      unpause: async (name: string) => asleep.delete(name) && Boolean(calls.push(`unpause ${name}`)),
      start: async (name: string) => {
        if (asleep.has(name)) throw new Error("cannot start a paused container, try unpause instead");
        return Boolean(calls.push(`start ${name}`));
      },
      stop: async (name: string) => Boolean(calls.push(`stop ${name}${asleep.has(name) ? " by force" : ""}`)),
    };
    const keeper = {
      wake: async (project: string) => {
        calls.push(`wake ${project}`);
        if (!wakes) return { kind: "missing", reason: "the keeper is not running" } as const;
        asleep.delete("project-shop");
        return { kind: "answered", value: "awake" } as const;
      },
    };
    const control = makeControl({
      engine: engine as unknown as Engine,
      keeper,
      containerOf: (project) => `project-${project}`,
      servicesOf: () => ["service-db"],
    });
    return { control, calls };
  }

  it("wakes it first", async () => {
    const { control, calls } = stack({ wakes: true });
    expect(await control.stop("shop")).toBe(true);
    expect(calls).toEqual(["wake shop", "stop project-shop", "stop service-db"]);
    const other = stack({ wakes: true });
    expect(await other.control.start("shop")).toBe(true);
    expect(other.calls).toEqual(["wake shop", "start service-db", "start project-shop"]);
    // Awake, it is left to Docker.
    await other.control.stop("shop");
    expect(other.calls.filter((call) => call === "wake shop")).toHaveLength(1);
  });

  it("continues what no keeper wakes", async () => {
    const { control, calls } = stack({ wakes: false, paused: ["project-shop", "service-db"] });
    expect(await control.start("shop")).toBe(true);
    expect(calls).toEqual([
      "wake shop",
      "unpause service-db",
      "unpause project-shop",
      "start service-db",
      "start project-shop",
    ]);
  });

  it("asks the keeper of no service, which only an admin pauses", async () => {
    const { control, calls } = stack({ wakes: true, paused: ["service-db"] });
    expect(await control.start("shop")).toBe(true);
    expect(calls).toEqual(["unpause service-db", "start service-db", "start project-shop"]);
  });
});
