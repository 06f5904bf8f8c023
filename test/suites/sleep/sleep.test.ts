/** A project that nobody uses: how it falls asleep, what it costs, who wakes it, and what an update and the end of the keeper change. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { docker, execIn } from "../../support/docker.ts";
import { ask } from "../../support/http.ts";
import {
  askKeeper,
  beginSleep,
  inState,
  killKeeper,
  moveClock,
  putToSleep,
  stateOf,
} from "../../support/keeper.ts";
import { projectApi, question } from "../../support/opencode.ts";
import { type Entry, Platform } from "../../support/platform.ts";
import { answering } from "../../support/ready.ts";
import { waitFor } from "../../support/wait.ts";

const platform = new Platform();
const { port } = platform.fixture;
const NAME = "beta";
const container = platform.container(NAME);
const MIB = 2 ** 20;

const at = { port, path: `/p/${NAME}` };
/** What changes something: a new session. Its answer is the project's own. */
const create = async (title: string) => {
  const { status, body } = await ask(question(at, projectApi.createSession(title)));
  return { status, title: status === 200 ? JSON.parse(body).title : body };
};
const titles = async () => {
  const { body } = await ask({
    ...question(at, projectApi.sessions(1000)),
    headers: { "user-agent": "Mozilla/5.0 (a person's)" },
  });
  return (JSON.parse(body) as { title: string }[]).map(({ title }) => title);
};
const isPaused = async () => (await docker.getContainer(container).inspect()).State.Paused;
const marks = () =>
  readdirSync(platform.path(".runtime", "routes")).filter((file) => file.startsWith(`${NAME}.asleep`));
const memoryOf = async (): Promise<number> =>
  (await docker.getContainer(container).stats({ stream: false })).memory_stats.usage;
const hasSwap = () => readFileSync("/proc/swaps", "utf8").trim().split("\n").length > 1;
/** With which code a container's process has ended since a moment; 137 is one that was killed. */
async function exitCodes(since: number): Promise<string[]> {
  const filters = JSON.stringify({ event: ["die"], container: [container] });
  const stream = await docker.getEvents({ since, until: Math.ceil(Date.now() / 1000), filters });
  let text = "";
  for await (const part of stream) text += part;
  return text.split("\n").flatMap((line) => (line ? [JSON.parse(line).Actor.Attributes.exitCode] : []));
}

/** Docker starts one that was killed again, each time a little later. */
const back = () =>
  waitFor<true>("the keeper to be back", async () => {
    const { code, value } = await askKeeper(platform, "projects");
    return code === 0 ? { done: true } : { seen: value };
  });

beforeEach(async () => {
  await back();
  await moveClock(platform, 0);
  await platform.reset();
  await answering(platform, NAME);
  await askKeeper(platform, "wake", NAME);
  await inState(platform, NAME, "awake");
});
afterAll(() => moveClock(platform, 0));

describe("a project that nobody uses", () => {
  it("falls asleep by itself, and its memory is out of RAM", async () => {
    expect(await stateOf(platform, NAME)).toBe("awake");
    await moveClock(platform, 31 * 60_000);
    await inState(platform, NAME, "asleep");
    await moveClock(platform, 0);
    expect(await isPaused()).toBe(true);
    expect(marks()).toContain(`${NAME}.asleep.yml`);
    if (hasSwap())
      await waitFor("its memory to be in swap", async () => {
        const used = await memoryOf();
        return used < 10 * MIB ? { done: used } : { seen: used };
      });
  });

  it("sleeps through polls, and wakes for what changes something, whose answer is the project's own", async () => {
    await putToSleep(platform, NAME);
    expect((await ask(question(at, projectApi.health))).status).toBe(200);
    const poll = await ask(question(at, projectApi.sessions(5)));
    expect([poll.status, poll.headers["x-opencode-state"]]).toEqual([503, "asleep"]);
    expect(await isPaused()).toBe(true);
    expect(await create("woken by a prompt")).toEqual({ status: 200, title: "woken by a prompt" });
    expect(await isPaused()).toBe(false);
    await waitFor("its routes to be its own again", () =>
      marks().length === 0 ? { done: true } : { seen: marks() },
    );
    expect((await ask(question(at, projectApi.sessions(5)))).status).toBe(200);
  });

  it("has as much memory as its entry says, and no swap, once it is awake", async () => {
    const limits = async () => {
      const { code, output } = await shellOnHost(
        `cat /sys/fs/cgroup/memory/docker/$ID/memory.memsw.limit_in_bytes 2>/dev/null || cat /sys/fs/cgroup/system.slice/docker-$ID.scope/memory.swap.max`,
      );
      return { code, limit: output.trim() };
    };
    const before = await limits();
    await putToSleep(platform, NAME);
    if (hasSwap()) expect(await limits()).not.toEqual(before);
    await askKeeper(platform, "wake", NAME);
    await waitFor("the limit that Docker has given it", async () => {
      const now = await limits();
      return now.limit === before.limit ? { done: true } : { seen: now };
    });
  });

  it("loses and doubles no request of the moments in which it falls asleep and wakes", async () => {
    const sent: Promise<{ status: number; title: string }>[] = [];
    const wanted: string[] = [];
    const prefix = `request of ${Date.now()}: `;
    const send = () => {
      const title = `${prefix}${wanted.length}`;
      wanted.push(title);
      sent.push(create(title));
    };
    for (let round = 0; round < 4; round++) {
      const asleep = askKeeper(platform, "sleep", NAME);
      // Each round a little later into it.
      await pause(300 + round * 500);
      for (let index = 0; index < 12; index++) {
        send();
        await pause(40);
      }
      await asleep;
      await Promise.all(sent);
    }
    expect((await Promise.all(sent)).map(({ status }) => status)).toEqual(wanted.map(() => 200));
    const made = (await titles()).filter((title) => title.startsWith(prefix));
    expect(made.sort()).toEqual([...wanted].sort());
  });
});

/** In the keeper, which has the host's groups. */
async function shellOnHost(line: string) {
  const { Id } = await docker.getContainer(container).inspect();
  return execIn(platform.names.keeper, ["bash", "-c", `ID=${Id}; ${line}`]);
}

describe("an update", () => {
  const entries = (more: Partial<Entry>) =>
    platform.baseline().map((entry) => (entry.name === NAME ? { ...entry, ...more } : entry));

  it("finds nothing to do about a sleeping project, and leaves it asleep", async () => {
    await putToSleep(platform, NAME);
    const { code, changes } = await platform.update();
    expect([code, changes]).toEqual([0, []]);
    expect(await stateOf(platform, NAME)).toBe("asleep");
    expect(await isPaused()).toBe(true);
  });

  it("changes its routes and limits without waking it", async () => {
    await putToSleep(platform, NAME);
    await platform.apply(entries({ ports: [3000], resources: { memory: "1100MiB", cpus: 1, pids: 500 } }));
    expect(await isPaused()).toBe(true);
    const { HostConfig } = await docker.getContainer(container).inspect();
    expect([HostConfig.Memory, HostConfig.PidsLimit]).toEqual([1100 * MIB, 500]);
    await waitFor("the routes of the port", () => {
      const text = readFileSync(platform.path(".runtime", "routes", `${NAME}.asleep.yml`), "utf8");
      return text.includes(`${NAME}-3000`) ? { done: true } : { seen: text.length };
    });
    expect(await create("after the change")).toEqual({ status: 200, title: "after the change" });
  });

  it("replaces its container, which ends in order and comes up awake", async () => {
    await putToSleep(platform, NAME);
    const since = Math.floor(Date.now() / 1000);
    await platform.apply(entries({ env: { GREETING: "hello" } }));
    expect(await exitCodes(since)).not.toContain("137");
    await answering(platform, NAME);
    expect(await isPaused()).toBe(false);
    await waitFor("no mark", () => (marks().length === 0 ? { done: true } : { seen: marks() }));
    await inState(platform, NAME, "awake");
  });

  it("stops it in order", async () => {
    await putToSleep(platform, NAME);
    const since = Math.floor(Date.now() / 1000);
    await platform.apply(entries({ state: "stopped" }));
    expect(await exitCodes(since)).not.toContain("137");
    await inState(platform, NAME, "stopped");
    await waitFor("no mark", () => (marks().length === 0 ? { done: true } : { seen: marks() }));
  });

  it("removes it in order, with all its files", async () => {
    await putToSleep(platform, NAME);
    const since = Math.floor(Date.now() / 1000);
    await platform.apply(platform.baseline().filter(({ name }) => name !== NAME));
    expect(await exitCodes(since)).not.toContain("137");
    expect(existsSync(platform.path(".runtime", "keeper", `${NAME}.json`))).toBe(false);
    await waitFor("the keeper to forget it", async () => {
      const seen = await stateOf(platform, NAME);
      return seen === undefined && marks().length === 0 ? { done: true } : { seen };
    });
  });
});

describe("the keeper, killed", () => {
  /** What is seen of a project on its way to sleep, and awake again. */
  const moments: readonly [string, () => Promise<boolean>][] = [
    ["as its routes change", async () => marks().length > 0],
    ["as it is paused", isPaused],
  ];

  it.each(moments)("%s, takes up what it finds, and the project is reachable", async (_moment, isSo) => {
    await beginSleep(platform, NAME);
    await waitFor("the moment", async () => ((await isSo()) ? { done: true } : { seen: "not yet" }), {
      every: 5,
    });
    await killKeeper(platform);
    await back();
    expect(await create("after a kill")).toEqual({ status: 200, title: "after a kill" });
    expect(await isPaused()).toBe(false);
  });

  it("while it wakes a project, does so once it is back", async () => {
    await putToSleep(platform, NAME);
    const woken = create("held over a kill");
    await waitFor("it to go on", async () => (!(await isPaused()) ? { done: true } : { seen: "paused" }), {
      every: 5,
    });
    await killKeeper(platform);
    expect(await woken).toEqual({ status: 200, title: "held over a kill" });
    await back();
    expect(await isPaused()).toBe(false);
  });

  it("while all sleep, leaves awake projects reachable, and wakes a sleeping one when it is back", async () => {
    // Those of other tests have slept, too.
    await askKeeper(platform, "wake", "alpha");
    await answering(platform, "alpha");
    const list = async () => (await ask(question({ port, path: "/p/alpha" }, projectApi.sessions(1)))).status;
    await waitFor("its list of sessions", async () => {
      const seen = await list();
      return seen === 200 ? { done: true } : { seen };
    });
    await putToSleep(platform, NAME);
    await killKeeper(platform);
    expect(await list()).toBe(200);
    expect(await create("woken by the next one")).toEqual({ status: 200, title: "woken by the next one" });
  });

  it("stays below 40 MiB", async () => {
    const { memory_stats } = await docker.getContainer(platform.names.keeper).stats({ stream: false });
    const { total_cache = 0, file = 0 } = memory_stats.stats as { total_cache?: number; file?: number };
    expect(memory_stats.usage - Math.max(total_cache, file)).toBeLessThan(40 * MIB);
  });
});
