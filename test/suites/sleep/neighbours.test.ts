/** One project uses up all that it gets, and its neighbour goes on; the waker is killed while somebody waits; Docker starts a sleeper again. */
import { writeFileSync } from "node:fs";
import type { IncomingMessage } from "node:http";
import { cpus } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { readOptional } from "../../../config/text/read-optional.ts";
import { docker, execIn, shellIn } from "../../support/docker.ts";
import { ask, open, visit } from "../../support/http.ts";
import { askKeeper, inState, putToSleep } from "../../support/keeper.ts";
import { type Loop, requestLoop } from "../../support/loop.ts";
import { projectApi, question } from "../../support/opencode.ts";
import { Platform } from "../../support/platform.ts";
import { answering } from "../../support/ready.ts";
import { must } from "../../support/run.ts";
import { USE_UP } from "../../support/use-up.ts";
import { waitFor } from "../../support/wait.ts";

const platform = new Platform();
const { port } = platform.fixture;
const { keeper, notice } = platform.names;
/** One that takes all it can, and one beside it. */
const [GREEDY, NEIGHBOUR] = ["greedy", "neighbour"];
/** Holds where the platform can limit it. */
const DISK = "1GiB";

const at = (project: string) => ({ port, path: `/p/${project}` });
/** What changes something: a new session. Its answer is the project's own. */
const create = async (project: string, title: string) => {
  const { status, body } = await ask(question(at(project), projectApi.createSession(title)));
  return { status, title: status === 200 ? JSON.parse(body).title : body };
};
const made = (title: string) => ({ status: 200, title });
const stateOfContainer = async (container: string) => (await docker.getContainer(container).inspect()).State;
const isPaused = async (project: string) => (await stateOfContainer(platform.container(project))).Paused;
const titles = async (project: string) => {
  const { body } = await ask({
    ...question(at(project), projectApi.sessions(1000)),
    headers: { "user-agent": "Mozilla/5.0 (a person's)" },
  });
  return (JSON.parse(body) as { title: string }[]).map(({ title }) => title);
};

beforeAll(async () => {
  const resources = { memory: "1600MiB", cpus: cpus().length, pids: 512, disk: DISK };
  await platform.apply([...platform.baseline(), { name: GREEDY, resources }, { name: NEIGHBOUR }]);
  await Promise.all([GREEDY, NEIGHBOUR].map((name) => answering(platform, name)));
});
afterAll(() => platform.reset());

describe("a project that uses up all it gets", () => {
  const container = platform.container(GREEDY);
  const workspace = platform.workspace(GREEDY);
  let loop: Loop;

  beforeAll(() => {
    writeFileSync(join(workspace, "fill.py"), USE_UP, { mode: 0o644 });
  });
  beforeEach(async () => {
    await shellIn(container, "rm -f /workspace/stop /workspace/*.full");
    loop = requestLoop(port, [NEIGHBOUR]);
  });

  /** Uses it up, and returns what the program has met. */
  async function use(what: string): Promise<string> {
    await must("docker", ["exec", "--detach", container, "python3", "/workspace/fill.py", what]);
    return waitFor<string>(`${what} to be used up`, async () => {
      const text = readOptional(join(workspace, `${what}.full`));
      return text === undefined ? { seen: "it goes on" } : { done: text };
    });
  }

  /** While it is used up: the neighbour does what it always does. */
  async function neighbourGoesOn(): Promise<void> {
    for (let index = 0; index < 5; index++)
      expect(await create(NEIGHBOUR, `beside ${index}`)).toEqual(made(`beside ${index}`));
    expect((await visit(port, platform.url(NEIGHBOUR))).status).toBe(200);
  }

  async function letGo(): Promise<void> {
    writeFileSync(join(workspace, "stop"), "");
    await waitFor("the program's end", async () => {
      const { code } = await shellIn(container, "pgrep -f fill.py");
      return code === 1 ? { done: true } : { seen: code };
    });
  }

  /** Ends the loop of requests, in which nothing has failed. */
  async function expectNoFailure(): Promise<void> {
    const { sent, failures } = await loop.stop();
    expect(failures).toEqual([]);
    expect(sent).toBeGreaterThan(0);
  }

  it.each([
    ["memory", "[9, 9, 9]"],
    ["processors", "spinning"],
    ["processes", "Resource temporarily unavailable"],
    ["tmp", "No space left on device"],
  ])("of %s takes nothing from its neighbour", async (what, met) => {
    try {
      expect(await use(what)).toBe(met);
      await neighbourGoesOn();
    } finally {
      await letGo();
      await expectNoFailure();
    }
  });

  it("of inotify takes nothing from its neighbour, where each is a user of its own", async () => {
    const user = async (project: string) =>
      (await execIn(platform.container(project), ["id", "-u"])).stdout.trim();
    const isOwn = (await user(GREEDY)) !== (await user(NEIGHBOUR));
    const take = "import ctypes; raise SystemExit(ctypes.CDLL(None).inotify_init() < 0)";
    try {
      // A kernel that bounds them by memory alone gives them all.
      expect(["Too many open files", "Success"]).toContain(await use("inotify"));
      const { code } = await execIn(platform.container(NEIGHBOUR), ["python3", "-c", take]);
      if (isOwn) expect(code).toBe(0);
      await neighbourGoesOn();
    } finally {
      await letGo();
      await expectNoFailure();
    }
  });

  it("of the disk takes nothing from its neighbour, where a quota holds", async ({ skip }) => {
    const { stdout } = await must("stat", ["-f", "-c", "%T", workspace]);
    if (stdout.trim() !== "btrfs") {
      await loop.stop();
      skip("workspaces are not on btrfs");
    }
    try {
      expect(await use("disk")).toBe("Disk quota exceeded");
      const write = "dd if=/dev/zero of=/workspace/mine bs=1M count=100 status=none && rm /workspace/mine";
      expect((await shellIn(platform.container(NEIGHBOUR), write)).code).toBe(0);
      await neighbourGoesOn();
    } finally {
      await letGo();
      await expectNoFailure();
    }
  });
});

/** Ends the waker as the kernel would; Docker starts it again. */
async function killWaker(): Promise<void> {
  const before = (await stateOfContainer(notice)).StartedAt;
  await must("docker", ["exec", "--detach", notice, "sh", "-c", "kill -9 -1"]);
  await waitFor("another start of the waker", async () => {
    const { Running, StartedAt } = await stateOfContainer(notice);
    return Running && StartedAt !== before ? { done: true } : { seen: StartedAt };
  });
}

/** An event stream, and what has arrived of it. */
async function listen(project: string) {
  const response: IncomingMessage = await open({ port, path: `/p/${project}${projectApi.eventsPath}` });
  const heard = { status: response.statusCode, text: "", isOver: false };
  response.setEncoding("utf8").on("data", (part: string) => {
    heard.text += part;
  });
  response.on("error", () => undefined);
  response.on("close", () => {
    heard.isOver = true;
  });
  return { heard, close: () => response.destroy() };
}

type Stream = Awaited<ReturnType<typeof listen>>;

describe("the waker, killed", () => {
  beforeEach(async () => {
    await askKeeper(platform, "wake", NEIGHBOUR);
    await inState(platform, NEIGHBOUR, "awake");
    await answering(platform, NEIGHBOUR);
    await putToSleep(platform, NEIGHBOUR);
  });

  const wakes = (title: string) =>
    waitFor("the project to be woken", async () => {
      const seen = await create(NEIGHBOUR, title);
      return seen.status === 200 ? { done: seen } : { seen };
    });

  it("while it holds a request, answers that or lets it fail, and wakes the project when it is back", async () => {
    // Without a keeper it holds what it gets.
    await docker.getContainer(keeper).kill();
    const held = create(NEIGHBOUR, "held over a kill").catch((error: Error) => ({
      status: 0,
      title: error.message,
    }));
    try {
      // A page that is opened joins the same wake, and is told after a second.
      expect((await visit(port, platform.url(NEIGHBOUR))).status).toBe(503);
      await killWaker();
    } finally {
      await docker.getContainer(keeper).start();
    }
    const { status } = await held;
    expect([0, 200, 500, 502, 503]).toContain(status);
    expect(await wakes("after a kill")).toEqual(made("after a kill"));
    expect(await isPaused(NEIGHBOUR)).toBe(false);
    const after = await titles(NEIGHBOUR);
    const times = after.filter((title) => title === "held over a kill").length;
    expect(times).toBe(status === 200 ? 1 : 0);
  });

  it("while streams are open, leaves the project asleep, answers new ones, and wakes it", async () => {
    const streams = await Promise.all([1, 2, 3].map(() => listen(NEIGHBOUR)));
    for (const { heard } of streams)
      await waitFor("a heartbeat", () => (heard.text ? { done: true } : { seen: heard.status }));
    await killWaker();
    for (const { heard } of streams)
      await waitFor("the stream's end", () => (heard.isOver ? { done: true } : { seen: heard.text }));
    const again = await waitFor<Stream>("a stream", async () => {
      const stream = await listen(NEIGHBOUR);
      if (stream.heard.status === 200) return { done: stream };
      stream.close();
      return { seen: stream.heard.status };
    });
    await waitFor("a heartbeat", () => (again.heard.text ? { done: true } : { seen: again.heard.status }));
    expect(await isPaused(NEIGHBOUR)).toBe(true);
    expect(await wakes("after streams were cut")).toEqual(made("after streams were cut"));
    await waitFor("the stream to be ended, once it is awake", () =>
      again.heard.isOver ? { done: true } : { seen: again.heard.text },
    );
  });
});

describe("a sleeping project that Docker starts again", () => {
  const container = docker.getContainer(platform.container(NEIGHBOUR));

  beforeEach(async () => {
    await askKeeper(platform, "wake", NEIGHBOUR);
    await inState(platform, NEIGHBOUR, "awake");
    await answering(platform, NEIGHBOUR);
    await putToSleep(platform, NEIGHBOUR);
  });

  /** Somebody who asks until it answers, as a page does that says that it is waking. */
  const reached = (title: string) =>
    waitFor(
      "a request to reach it",
      async () => {
        const seen = await create(NEIGHBOUR, title);
        return seen.status === 200 ? { done: seen } : { seen };
      },
      { within: 120_000, every: 1000 },
    );

  it.each([
    [
      "as after a reboot",
      async () => {
        await container.kill();
        await container.start();
      },
    ],
    ["by docker restart", () => container.restart()],
  ])("%s, while the keeper is up, is reached by whoever asks", async (how, again) => {
    await again();
    expect(await reached(`started ${how}`)).toEqual(made(`started ${how}`));
    await inState(platform, NEIGHBOUR, "awake");
    expect((await ask(question(at(NEIGHBOUR), projectApi.sessions(5)))).status).toBe(200);
  });

  it("waits until somebody asks, and is reached at once by several", async () => {
    await container.kill();
    await container.start();
    await inState(platform, NEIGHBOUR, "waiting");
    const asked = ["one", "two", "three"].map((each) => reached(`first of all, ${each}`));
    expect(await Promise.all(asked)).toEqual(["one", "two", "three"].map((n) => made(`first of all, ${n}`)));
    await inState(platform, NEIGHBOUR, "awake");
    // It can sleep again: nothing of its start has stayed.
    await putToSleep(platform, NEIGHBOUR);
    expect(await create(NEIGHBOUR, "woken again")).toEqual(made("woken again"));
  });
});
