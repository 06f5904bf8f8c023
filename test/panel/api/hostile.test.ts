/** What a project says about itself may be anything: an agent can put a program of its own in opencode's place. */
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, describe, expect, it, vi } from "vitest";
import { type Call, isUnexpectedAnswer, MAJORS } from "../../../opencode/api/index.ts";
import { readContainer } from "../../../operate/docker/container-state.ts";
import type { RunDocker } from "../../../operate/docker/containers.ts";
import { openEngine } from "../../../operate/docker/engine.ts";
import { readLines } from "../../../operate/docker/frames.ts";
import { readUpgrade } from "../../../operate/opencode/upgrade-log.ts";
import { ActivityMonitor } from "../../../panel/server/activity/watch.ts";
import { logLinesSchema, overviewSchema, rollbackSchema } from "../../../panel/server/api/schema.ts";
import { makeRollbacks } from "../../../panel/server/rollbacks.ts";
import { RELEASE } from "../../support/opencode.ts";
import { container, World } from "../../support/panel/api-world.ts";

/** A seed of its own for each run would make a failure hard to repeat; another one is tried by changing this. */
const RUNS = { seed: 20261129, numRuns: 100 };

const folder = mkdtempSync(join(tmpdir(), "panel-api-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** Numbers that JSON can hold and a Date can't, maps that are no text, and plain ones. */
const odd = fc.oneof(
  fc.constantFrom<unknown>(1e300, -1e300, 8.64e15, 8.64e15 + 1, -1, 0.5, 4e13, "", "2026-01-01", null, true),
  fc.constant({ toString: 1, valueOf: 1 }),
  fc.constant({ toISOString: null, length: -1 }),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.jsonValue(),
);
const session = fc.record(
  { id: odd, title: odd, time: fc.oneof(odd, fc.record({ created: odd, updated: odd })) },
  { requiredKeys: [] },
);
const sessions = fc.oneof(fc.array(fc.oneof(session, odd)), odd);

/** Reads a body as a call does; undefined if no server of the release would answer so. */
function read<Result>(call: Call<Result>, value: unknown): Result | undefined {
  try {
    return call.read({ status: 200, contentType: "application/json", body: JSON.stringify(value) });
  } catch (error) {
    if (isUnexpectedAnswer(error)) return undefined;
    throw error;
  }
}

let activity: ActivityMonitor | undefined;
let run: RunDocker;
/** One for all runs, since an app takes a while to make. */
const world = new World({
  activity: { of: (project) => activity?.of(project) },
  rollbacks: makeRollbacks(
    (args) => run(args),
    (project) => project,
    async () => {},
  ),
});

/** Has the first project say itself when it was last used. */
async function sayUsedAt(answer: unknown, api = MAJORS[0]): Promise<void> {
  rmSync(join(folder, "activity.json"), { force: true });
  const times = api && read(api.sessions(50), answer);
  activity = new ActivityMonitor({
    file: join(folder, "activity.json"),
    projects: () => [{ name: "web-shop", isRunning: true, url: "http://x/", version: RELEASE }],
    fetchActivity: async () => times?.reduce((latest, { usedAt = 0 }) => Math.max(latest, usedAt), 0),
    idleDays: 1,
    notify: async () => {},
    report: () => {},
  });
  await activity.check();
}

/** The list is the same for everybody else, whatever one project has said. */
async function expectList(): Promise<void> {
  const response = await world.ask("GET", "/api/projects");
  expect(response.status).toBe(200);
  const { projects } = overviewSchema.parse(await response.json());
  expect(projects.map(({ name }) => name)).toEqual(["web-shop", "secret-plan"]);
  expect(world.defects).toEqual([]);
}

describe("the list for everybody", () => {
  it("stands a time that no Date can hold", async () => {
    await sayUsedAt([{ id: "a", time: { updated: 1e300 } }]);
    await expectList();
  });

  it("never says that a project was used in the future", async () => {
    await sayUsedAt([{ id: "a", time: { updated: Date.UTC(2999, 0) } }]);
    const { projects } = overviewSchema.parse(await (await world.ask("GET", "/api/projects")).json());
    expect(Date.parse(projects[0]?.lastActivity ?? "")).toBeLessThanOrEqual(Date.now());
  });

  it("stands any answer about sessions, of both majors", async () => {
    await fc.assert(
      fc.asyncProperty(sessions, fc.constantFrom(...MAJORS), async (answer, api) => {
        await sayUsedAt(api.major === 1 ? answer : { data: answer }, api);
        await expectList();
      }),
      RUNS,
    );
  });

  it("stands any line of a health check", async () => {
    const part = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.constantFrom(
        "; ",
        "workspace: ",
        "clone failed (attempt 9): ",
        "migrating, ",
        "\n",
        "\u0000",
        "\u001b[2J",
      ),
    );
    const line = fc.array(part).map((parts) => parts.join(""));
    await fc.assert(
      fc.asyncProperty(
        line,
        fc.constantFrom("healthy", "unhealthy", "starting", "?"),
        async (Output, Status) => {
          const State = { Status: "running", Health: { Status, Log: [{ Output }] } };
          const Config = { Labels: { "dev.opencode-platform.project": "web-shop" } };
          const known = readContainer({ Id: "id", Name: "/x", Config, State } as never);
          world.containers.put({ ...container("web-shop"), ...known });
          await expectList();
        },
      ),
      RUNS,
    );
  });
});

describe("an answer of opencode", () => {
  it("is read, or refused as one that no server of the release sends", () => {
    const value = fc.oneof(
      odd,
      session,
      fc.array(session),
      fc.record({ data: odd, status: odd, error: odd }),
    );
    fc.assert(
      fc.property(value, fc.constantFrom(...MAJORS), (answer, api) => {
        for (const wrapped of [answer, { data: answer }, [answer], { data: [answer] }]) {
          const calls: (Call<unknown> | undefined)[] = [
            api.health,
            api.sessions(5),
            api.createSession(),
            api.busy,
            api.migration,
            api.directory,
            api.listFiles("."),
            api.settings,
            api.createTerminal("sh"),
            ...api.exchange("a", "b"),
          ];
          for (const call of calls) if (call) read(call, wrapped);
        }
      }),
      RUNS,
    );
  });
});

describe("the plan of going back", () => {
  const name = fc.oneof(
    fc.constantFrom("20261129T131500Z_1.18.33", "99999999T999999Z_1.18.33", "20261129T131500Z_$(id)", ".."),
    fc.string({ unit: "binary" }),
  );
  it("is shown or refused, whatever lies where the copies are", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(name), sessions, fc.boolean(), async (names, answer, runs) => {
        run = async ([, , , , script = ""]) => {
          const stdout = script.startsWith("ls") ? names.join("\n") : JSON.stringify(answer);
          return runs ? { code: 0, stdout, stderr: "" } : { code: 1, stdout, stderr: "not running" };
        };
        const response = await world.ask("GET", "/api/projects/web-shop/rollback");
        expect([200, 409, 503]).toContain(response.status);
        if (response.status === 200) rollbackSchema.parse(await response.json());
        expect(world.defects).toEqual([]);
      }),
      RUNS,
    );
  });
});

/** Docker's frame of a stream: its number, three zeros, the length. */
const frame = (stream: number, text: Uint8Array): Buffer => {
  const header = Buffer.alloc(8);
  header[0] = stream;
  header.writeUInt32BE(text.length, 4);
  return Buffer.concat([header, text]);
};

describe("a command in a container", () => {
  it("is given up when it writes without an end", async () => {
    const socket = join(folder, "docker.sock");
    let isCut = false;
    const docker = createServer((request, response) => {
      if (!request.url?.endsWith("/start")) return response.end(JSON.stringify({ Id: "e" }));
      const write = () => {
        while (!response.destroyed && response.write(frame(1, Buffer.alloc(2 ** 20))));
      };
      response.on("drain", write).on("close", () => {
        isCut = true;
      });
      return write();
    });
    await new Promise<void>((resolve) => docker.listen(socket, resolve));
    await expect(openEngine(socket).exec("web-shop", ["ls"])).rejects.toThrow("ls wrote more than 8 MiB");
    await vi.waitFor(() => expect(isCut).toBe(true));
    docker.close();
  });
});

describe("a project's log", () => {
  const bytes = fc.oneof(
    fc.uint8Array(),
    fc
      .constantFrom(
        "9999-99-99T99:99:99Z x\n",
        "2026-01-01T00:00:00.0Z [upgrade] upgrade from $x failed: y\n",
        "\n",
      )
      .map((text) => Buffer.from(text)),
  );
  it("has lines with a time that can be read, or without", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(fc.constantFrom(1, 2), bytes)), async (parts) => {
        const lines = [];
        for await (const line of readLines(
          parts.map(([stream, text]) => frame(stream, text)),
          false,
        ))
          lines.push(line);
        logLinesSchema.parse({ lines });
        for (const { at } of lines) expect(at === "" || Number.isFinite(Date.parse(at)), at).toBe(true);
        readUpgrade(lines.map(({ text }) => text).join("\n"));
      }),
      RUNS,
    );
  });

  it("names no release to go back to that can't be one", () => {
    expect(readUpgrade("[upgrade] upgrade from 1.18.33 failed: no space")).toMatchObject({ from: "1.18.33" });
    expect(readUpgrade("[upgrade] upgrade from x;y failed: no space")).not.toHaveProperty("from");
  });
});
