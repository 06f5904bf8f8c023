/** What the keeper does about projects that fail their health check: a table of cases, and a diagnosis of a Docker that answers by the book. */
import { describe, expect, it } from "vitest";

interface Seen {
  readonly state: string;
  readonly health: string;
  readonly line: string;
  readonly failingMs: number;
  readonly started: string;
}
interface Record {
  readonly restarts: readonly number[];
  readonly gaveUp: boolean;
  readonly started: string;
}
interface Decided {
  readonly act: string;
  readonly record: Record;
}
interface Line {
  readonly what: string;
  readonly text?: string;
}
interface Healer {
  look(): Promise<void>;
  restart(project: string, id: string, why: string): Promise<void>;
}
const KEEPER = new URL("../../../opencode/rootfs/usr/local/lib/opencode-platform/keeper/", import.meta.url)
  .href;
const { decideHealing, diagnose, excuse, failingMs, makeHealer, NOTHING } = (await import(
  `${KEEPER}heal.mjs`
)) as {
  decideHealing(seen: Seen, record: Record, now: number): Decided;
  diagnose(docker: object, id: string): Promise<string>;
  excuse(seen: Pick<Seen, "state" | "line">): string | undefined;
  failingMs(health: object, wall: number): number;
  makeHealer(parts: object): Healer;
  NOTHING: Record;
};

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const sick: Seen = {
  state: "awake",
  health: "unhealthy",
  line: "not serving: curl: (28) Operation timed out; workspace: cloned main",
  failingMs: 3 * MINUTE,
  started: "1",
};

describe("what is done", () => {
  it.each([
    ["nothing for a healthy one", { health: "healthy" }, {}, "nothing"],
    ["nothing while it starts", { health: "starting" }, {}, "nothing"],
    ["nothing without a check, or when it is paused", { health: "" }, {}, "nothing"],
    ["nothing before three minutes", { failingMs: 3 * MINUTE - 1 }, {}, "nothing"],
    ["a restart after three minutes", {}, {}, "restart"],
    ["nothing for one that sleeps", { state: "asleep" }, {}, "nothing"],
    ["nothing for one that falls asleep", { state: "falling-asleep" }, {}, "nothing"],
    ["nothing for one that wakes", { state: "waking" }, {}, "nothing"],
    ["nothing for one that waits for its turn", { state: "waiting" }, {}, "nothing"],
    ["nothing for one that is stopped", { state: "stopped" }, {}, "nothing"],
    ["nothing for one that nobody knows", { state: "unknown" }, {}, "nothing"],
    ["a minute more after each restart of the hour", {}, { restarts: [HOUR - 1] }, "nothing"],
    ["a restart after that minute", { failingMs: 4 * MINUTE }, { restarts: [HOUR - 1] }, "restart"],
    ["a restart at once of one that was restarted long ago", {}, { restarts: [0, 0, 0, 0, 0] }, "restart"],
    ["an end after five of an hour", { failingMs: HOUR }, { restarts: [1, 2, 3, 4, 5] }, "give up"],
    ["nothing after that", { failingMs: HOUR }, { restarts: [], gaveUp: true, started: "1" }, "nothing"],
    [
      "a new beginning when it is healthy again",
      { health: "healthy" },
      { gaveUp: true, started: "1" },
      "resume",
    ],
    [
      "a new beginning when somebody else has started it",
      { started: "2" },
      { gaveUp: true, started: "1" },
      "resume",
    ],
  ] as const)("%s", (_, seen, record, act) => {
    expect(decideHealing({ ...sick, ...seen }, { ...NOTHING, ...record }, HOUR).act).toBe(act);
  });

  it("counts restarts of one hour alone", () => {
    expect(decideHealing(sick, { ...NOTHING, restarts: [0, MINUTE] }, HOUR).record.restarts).toEqual([
      MINUTE,
    ]);
    const { record } = decideHealing({ ...sick, failingMs: HOUR }, { ...NOTHING, restarts: [MINUTE] }, HOUR);
    expect(record.restarts).toEqual([MINUTE, HOUR]);
  });

  it("forgets nothing of the hour when it is healthy in between", () => {
    const { record } = decideHealing(
      { ...sick, health: "healthy" },
      { ...NOTHING, restarts: [MINUTE] },
      HOUR,
    );
    expect(record.restarts).toEqual([MINUTE]);
  });

  it("gives up 35 minutes after the first failure at the earliest", () => {
    let record = NOTHING;
    let now = 0;
    const acts: string[] = [];
    for (let failing = 0; acts.at(-1) !== "give up"; now += MINUTE, failing += MINUTE) {
      const decided = decideHealing({ ...sick, failingMs: failing }, record, now);
      record = decided.record;
      if (decided.act !== "nothing") acts.push(decided.act);
      if (decided.act === "restart") failing = -MINUTE;
    }
    expect(acts).toEqual(["restart", "restart", "restart", "restart", "restart", "give up"]);
    expect(now).toBeGreaterThan(30 * MINUTE);
    expect(now).toBeLessThan(HOUR);
  });
});

describe("what is no sickness", () => {
  it.each([
    ["not serving: 503; workspace: cloning web (12 %)", "it is cloning"],
    ["not serving: 503; workspace: cloned 1 of 3, 1 under way; web: cloning", "it is cloning"],
    [
      "not serving: curl: (7) refused; migrating, 412 of 1300 sessions; workspace: cloned main",
      "its sessions are migrated",
    ],
    ["not serving: x; upgrading from 1.18.3; workspace: cloned main", "its sessions are migrated"],
    [
      "not serving: upgrade from 1.18.3 failed: no room; workspace: cloned main",
      "its change of release has failed",
    ],
    [
      "asks whether its repository is trusted; workspace: cloned main",
      "somebody is asked about its repository",
    ],
    ["waits for its turn; workspace: not looked at yet", "it waits for its turn"],
    [sick.line, undefined],
    ["", undefined],
    // A repository's words.
    ["not serving: 503; workspace: cloned 2 of 2; migrating: cloned cloning", undefined],
    ["not serving: 503; workspace: cloned main; asks whether its repository is trusted", undefined],
    ["not serving: 503; setup: running: migrating, cloning; workspace: cloned main", undefined],
  ])("%s", (line, why) => {
    expect(excuse({ state: "awake", line })).toBe(why);
  });
});

describe("how long it has failed", () => {
  const check = (minute: number, ExitCode: number) => ({
    Start: new Date(minute * MINUTE).toISOString(),
    ExitCode,
  });
  it.each([
    [[], 0],
    [[check(1, 0)], 0],
    [[check(8, 1), check(9, 1)], 2 * MINUTE],
    [[check(6, 1), check(7, 0), check(8, 1), check(9, -1)], 2 * MINUTE],
    // It slept between them, and has only just been woken.
    [[check(1, 1), check(2, 1), check(9, 1)], MINUTE],
    [[check(1, 1), check(2, 1)], 0],
  ])("%j", (Log, expected) => {
    expect(failingMs({ Log }, 10 * MINUTE)).toBe(expected);
  });
});

/** Frames as Docker sends them. */
const frames = (...texts: string[]) =>
  Buffer.concat(
    texts.map((text) => {
      const head = Buffer.alloc(8);
      head[0] = 1;
      head.writeUInt32BE(Buffer.byteLength(text), 4);
      return Buffer.concat([head, Buffer.from(text)]);
    }),
  );
const stream = (buffer: Buffer) =>
  Object.assign(
    (async function* () {
      yield buffer;
    })(),
    { statusCode: 200 },
  );

/** A Docker with one container that is unhealthy, or not. */
function fakeDocker() {
  const state = { health: "unhealthy", started: "1", restarts: 0, log: "" };
  const Labels = { "dev.opencode-platform.project": "a" };
  return {
    state,
    list: async () => [{ Id: "c1", Labels, Status: `Up 5 minutes (${state.health})` }],
    inspect: async () => ({
      State: {
        Running: true,
        Paused: false,
        StartedAt: state.started,
        Health: {
          Status: state.health,
          Log: [{ ExitCode: 1, Start: new Date(0).toISOString(), Output: sick.line }],
        },
      },
    }),
    restart: async () => {
      state.restarts++;
    },
    get: async (path: string) => {
      if (path.endsWith("/stats"))
        return {
          memory_stats: {
            usage: 600 * 2 ** 20,
            limit: 1024 * 2 ** 20,
            stats: { inactive_file: 100 * 2 ** 20 },
          },
          pids_stats: { current: 31 },
        };
      if (path.endsWith("/top"))
        return {
          Processes: [
            ["1", "Ss", "700", "1", "docker-init"],
            ["7", "Tl", "320000", "9", "open\u001b[31mcode"],
          ],
        };
      return { ExitCode: 0 };
    },
    post: async () => ({ Id: "e1" }),
    open: async (method: string) =>
      stream(method === "POST" ? frames("118\n") : frames("one\ntwo \u001b[31mred\u001b[0m\n", "three\n")),
  };
}

describe("a diagnosis", () => {
  it("has memory, processes, open files and the last lines of the log, as plain text", async () => {
    expect(await diagnose(fakeDocker(), "c1")).toBe(
      [
        "memory: 500 MiB of 1024 MiB, 31 processes and threads",
        "processes: opencode (Tl, 313 MiB, 9 threads), docker-init (Ss, 1 MiB, 1 threads)",
        "open files: 118",
        "last lines of its log: ",
        "  one",
        "  two red",
        "  three",
      ].join("\n"),
    );
  });

  it("says of what it can't have why", async () => {
    const docker = { ...fakeDocker(), post: async () => Promise.reject(new Error("no room for a process")) };
    expect(await diagnose(docker, "c1")).toContain("open files: unknown, no room for a process\n");
  });
});

describe("the healer", () => {
  function world(ahead = 0) {
    const docker = fakeDocker();
    const lines: Line[] = [];
    const clock = { wall: () => clock.now, steady: () => clock.now, now: ahead };
    const leased = new Set<string>();
    const keeper = {
      sick: new Map<string, string>(),
      list: () => [{ project: "a", state: "awake" }],
      leases: leased,
      restart: (_: string, run: () => Promise<void>) => run(),
    };
    const history = { add: (_: string, what: string, text = "") => lines.push({ what, text }) };
    const healer = makeHealer({ docker, labels: [], keeper, clock, history });
    /** A look, and what it has begun. */
    const look = async (at: number) => {
      clock.now = at;
      await healer.look();
      for (let turn = 0; turn < 50; turn++) await Promise.resolve();
    };
    return { docker, lines, keeper, leased, healer, look };
  }

  it("leaves one alone whose files are worked on", async () => {
    const { docker, lines, leased, look } = world();
    leased.add("a");
    await look(2 * MINUTE);
    await look(5 * MINUTE);
    expect([docker.state.restarts, lines]).toEqual([0, []]);
  });

  it("restarts with a diagnosis in the history", async () => {
    const { docker, lines, look } = world();
    await look(2 * MINUTE);
    expect([docker.state.restarts, lines]).toEqual([0, []]);
    await look(3 * MINUTE);
    expect(docker.state.restarts).toBe(1);
    expect(lines).toEqual([
      {
        what: "restarted",
        text: expect.stringMatching(/^unhealthy for 3 minutes: not serving: .*\nmemory: 500 MiB/),
      },
    ]);
  });

  it("leaves alone what has just been woken, whatever failed before it slept", async () => {
    const { docker, look } = world();
    await look(HOUR);
    await look(HOUR + 2 * MINUTE);
    expect(docker.state.restarts).toBe(0);
    await look(HOUR + 3 * MINUTE);
    expect(docker.state.restarts).toBe(1);
  });

  it("gives up with the reason in the project's state, and begins again when it is healthy", async () => {
    const { docker, lines, keeper, look } = world();
    for (let minute = 3; minute < 60; minute++) await look(minute * MINUTE);
    expect(docker.state.restarts).toBe(5);
    expect(lines.map(({ what }) => what)).toEqual([...Array(5).fill("restarted"), "given up"]);
    expect(keeper.sick.get("a")).toMatch(/^it was restarted 5 times within an hour and is unhealthy again/);
    docker.state.health = "healthy";
    await look(61 * MINUTE);
    expect([keeper.sick.size, lines.at(-1)]).toEqual([
      0,
      { what: "looked after again", text: "it is healthy" },
    ]);
  });

  it("calls nothing healthy because somebody has started it", async () => {
    const { docker, lines, keeper, look } = world();
    for (let minute = 3; minute < 60; minute++) await look(minute * MINUTE);
    docker.state.started = "2";
    await look(61 * MINUTE);
    expect([keeper.sick.size, lines.at(-1)]).toEqual([
      0,
      { what: "looked after again", text: "somebody has started it anew" },
    ]);
  });

  it("restarts because somebody asks for it, at any time", async () => {
    const { docker, lines, healer } = world();
    docker.state.health = "healthy";
    await healer.restart("a", "c1", "somebody asked for it");
    expect([docker.state.restarts, lines[0]?.text]).toEqual([
      1,
      expect.stringMatching(/^somebody asked for it\nmemory/),
    ]);
  });
});
