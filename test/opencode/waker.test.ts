/** What a sleeping project is asked, at the image's waker, with a keeper of the test's. */
import { once } from "node:events";
import { rmSync } from "node:fs";
import { createServer, type IncomingMessage, type RequestListener, request, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { MAJORS } from "../../opencode/api/index.ts";
import { fileInImage } from "../support/opencode/image-files.ts";
import { removeFolder, temporaryFolder } from "../support/temporary.ts";

type Answer = (request: IncomingMessage, response: Parameters<RequestListener>[1]) => boolean;
type Times = Partial<Record<"page" | "held" | "keeper" | "retry" | "watch" | "settle" | "reopened", number>>;
const { makeWaker } = (await import(fileInImage("waker.mjs"))) as {
  makeWaker: (options: { socket: string; times?: Times; most?: number }) => Answer;
};

/** What the keeper is told, and answers once it is let. */
interface Keeper {
  readonly asked: string[];
  state: string;
  answer: { status: number; body: object };
  /** Waits with answers to `/wake` until it is called. */
  release: () => void;
  stop: () => Promise<void>;
}

const running: Server[] = [];
let folder = "";
beforeEach(() => {
  folder = temporaryFolder();
});
afterEach(async () => {
  for (const server of running.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
  removeFolder(folder);
});

async function startKeeper(held = false): Promise<Keeper> {
  const gate = Promise.withResolvers<void>();
  if (!held) gate.resolve();
  const keeper: Keeper = {
    asked: [],
    state: "asleep",
    answer: { status: 200, body: { state: "awake" } },
    release: () => gate.resolve(),
    stop: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
      rmSync(join(folder, "wake.sock"), { force: true });
    },
  };
  const server = createServer(async ({ method, url }, response) => {
    keeper.asked.push(`${method} ${url}`);
    if (method === "GET")
      return response.end(
        JSON.stringify([{ project: "web", state: keeper.state, since: "2026-11-30T00:00:00Z" }]),
      );
    await gate.promise;
    response.writeHead(keeper.answer.status).end(JSON.stringify(keeper.answer.body));
  });
  running.push(server);
  server.listen(join(folder, "wake.sock"));
  await once(server, "listening");
  return keeper;
}

/** The waker, as the notice page has it. Returns its port. */
async function startWaker(times: Times = {}, most?: number): Promise<number> {
  const answer = makeWaker({
    socket: join(folder, "wake.sock"),
    ...(most === undefined ? {} : { most }),
    times: { watch: 5, settle: 0, reopened: 0, retry: 5, ...times },
  });
  const server = createServer((asked, response) => {
    if (!answer(asked, response)) response.writeHead(418).end();
  });
  running.push(server);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

interface Asked {
  path: string;
  method?: string;
  headers?: Record<string, string>;
}

async function begin(port: number, { path, method = "GET", headers = {} }: Asked): Promise<IncomingMessage> {
  const sent = request({ host: "127.0.0.1", port, path, method, headers, agent: false });
  sent.end();
  const [answer] = (await once(sent, "response")) as [IncomingMessage];
  answer.setEncoding("utf8");
  return answer;
}

async function ask(port: number, asked: Asked) {
  const answer = await begin(port, asked);
  let body = "";
  for await (const part of answer) body += part;
  return { status: answer.statusCode, headers: answer.headers, body };
}

/** As the gateway asks whether a request may pass. */
const wake = (headers: Record<string, string> = {}, method = "POST"): Asked => ({
  path: "/_wake/web",
  method,
  headers: { "x-opencode-state": "wake", ...headers },
});
const navigation = wake({ accept: "text/html,*/*", "sec-fetch-mode": "navigate" }, "GET");
const asleep = (path: string, more: Record<string, string> = {}): Asked => ({
  path,
  headers: {
    "x-opencode-state": "asleep",
    "x-opencode-project": "web",
    "x-opencode-release": "1.18.33",
    ...more,
  },
});
const events = (path: string, release = "1.18.33"): Asked =>
  asleep(path, { "x-opencode-state": "asleep-events", "x-opencode-release": release });

describe("what an open page of one of its programs asks", () => {
  it("is refused for a while, whatever its path", async () => {
    const keeper = await startKeeper();
    const answer = await ask(
      await startWaker(),
      asleep("/api/config", { "x-opencode-state": "asleep-port", "if-none-match": "1" }),
    );
    expect(answer).toMatchObject({
      status: 503,
      headers: { "retry-after": "5", "x-opencode-state": "asleep" },
      body: "web is asleep. It wakes when somebody opens it.\n",
    });
    expect(keeper.asked).toEqual([]);
  });

  it("is no answer to a browser where Vite would open its page again", async () => {
    const ping = { "x-opencode-state": "asleep-port", accept: "text/x-vite-ping" };
    const answer = await ask(await startWaker(), asleep("/", ping));
    expect(answer).toMatchObject({ status: 307, headers: { location: "data:," } });
  });
});

describe("a request that wakes", () => {
  it("goes on as soon as its project is awake, and others with it, of one wake", async () => {
    const keeper = await startKeeper(true);
    const port = await startWaker();
    const waiting = [ask(port, wake()), ask(port, wake()), ask(port, wake())];
    await expect.poll(() => keeper.asked).toEqual(["POST /wake?project=web"]);
    keeper.release();
    expect((await Promise.all(waiting)).map(({ status }) => status)).toEqual([204, 204, 204]);
    expect(keeper.asked).toEqual(["POST /wake?project=web"]);
  });

  it("is refused for a while when that takes too long for the gateway", async () => {
    await startKeeper(true);
    const answer = await ask(await startWaker({ held: 20 }), wake());
    expect(answer).toMatchObject({
      status: 503,
      headers: { "retry-after": "1", "x-opencode-state": "waking" },
    });
    expect(answer.body).toMatch(/^web is waking\. /);
  });

  it("shows a page meanwhile to whoever opens one, which goes on by itself", async () => {
    const keeper = await startKeeper(true);
    const port = await startWaker({ page: 20 });
    const shown = await ask(port, navigation);
    expect(shown).toMatchObject({ status: 503, headers: { "content-type": "text/html; charset=utf-8" } });
    expect(shown.body).toContain("<h1>web is waking</h1>");
    expect(shown.body).toContain('<meta http-equiv="refresh" content="1">');
    keeper.release();
    expect((await ask(port, navigation)).status).toBe(204);
  });

  it.each([
    ["at once", {}],
    ["after a while", { answer: { status: 503, body: { error: "its files are being replaced" } } }],
  ])("shows %s that it is being restored, and lets it open once it is", async (_, values) => {
    const keeper = Object.assign(await startKeeper(!("answer" in values)), { state: "parked" }, values);
    const port = await startWaker({ page: 20 });
    const shown = await ask(port, navigation);
    expect(shown).toMatchObject({ status: 503, headers: { "x-opencode-state": "waking" } });
    expect(shown.body).toContain("<h1>web is being restored</h1>");
    expect(shown.body).toContain("This page opens as soon as they are there.");
    Object.assign(keeper, { state: "awake", answer: { status: 200, body: { state: "awake" } } });
    keeper.release();
    expect((await ask(port, navigation)).status).toBe(204);
  });

  it("holds a form that was sent: a page that opens itself again would lose it", async () => {
    const keeper = await startKeeper(true);
    const sent = ask(
      await startWaker({ page: 0 }),
      wake({ accept: "text/html", "sec-fetch-mode": "navigate" }),
    );
    await expect.poll(() => keeper.asked.length).toBe(1);
    keeper.release();
    expect((await sent).status).toBe(204);
  });

  it("says that there is no such project", async () => {
    const keeper = await startKeeper();
    keeper.answer = { status: 404, body: { error: "There is no project web." } };
    const answer = await ask(await startWaker(), navigation);
    expect(answer).toMatchObject({ status: 404, headers: { "x-opencode-state": "unknown" } });
    expect(answer.body).toContain("There is no such project");
    expect(answer.body).not.toContain("refresh");
  });

  it("says why a project could not be woken, and tries again", async () => {
    const keeper = await startKeeper();
    keeper.answer = { status: 503, body: { error: "Its container is <gone>." } };
    const answer = await ask(await startWaker(), navigation);
    expect(answer.status).toBe(503);
    expect(answer.body).toContain("web is asleep and could not be woken");
    expect(answer.body).toContain("Its container is &#60;gone&#62;. This page tries again");
    expect(answer.body).toContain('content="3"');
  });

  it.each([
    ["its server has not answered", "Its server has not answered. This page tries"],
    ["web is stopped: no room", "web is stopped: no room. This page tries"],
    ["", "The platform's keeper did not say why. This page tries"],
  ])("says it in whole sentences: %s", async (error, sentences) => {
    const keeper = await startKeeper();
    keeper.answer = { status: 503, body: { error } };
    expect((await ask(await startWaker(), wake())).body).toContain(`could not be woken. ${sentences}`);
  });

  it("says that the keeper does not answer", async () => {
    const answer = await ask(await startWaker({ held: 30 }), wake());
    expect(answer).toMatchObject({ status: 503, headers: { "retry-after": "3" } });
    expect(answer.body).toContain("The platform's keeper does not answer.");
  });

  it("says so of a keeper that takes requests and answers none", async () => {
    await startKeeper(true);
    const answer = await ask(await startWaker({ page: 60, keeper: 10 }), navigation);
    expect(answer.body).toContain("The platform&#39;s keeper does not answer.");
  });

  it("is held while the keeper is restarted", async () => {
    const first = await startKeeper(true);
    const sent = ask(await startWaker(), wake());
    await expect.poll(() => first.asked.length).toBe(1);
    await first.stop();
    const second = await startKeeper();
    expect((await sent).status).toBe(204);
    expect(second.asked).toEqual(["POST /wake?project=web"]);
  });

  it("is nobody's who does not come through the gateway's own route", async () => {
    const keeper = await startKeeper();
    const port = await startWaker();
    for (const state of ["", "running", "asleep-"])
      expect((await ask(port, { path: "/_wake/web", headers: { "x-opencode-state": state } })).status).toBe(
        418,
      );
    expect((await ask(port, { ...wake(), path: "/_wake/../x" })).status).toBe(418);
    expect(keeper.asked).toEqual([]);
  });
});

describe("a poll", () => {
  it("is answered as the release answers it", async () => {
    const port = await startWaker();
    const body = async (path: string, release: string) =>
      JSON.parse((await ask(port, asleep(path, { "x-opencode-release": release }))).body);
    expect(await body("/global/health", "1.18.33")).toEqual({ healthy: true, version: "1.18.33" });
    expect(await body("/p/web/global/health?x", "1.18.33")).toEqual({ healthy: true, version: "1.18.33" });
    expect(await body("/api/health", "1.18.33")).toEqual({ healthy: true });
    expect(await body("/api/info", "2.0.18")).toMatchObject({ version: "2.0.18", urls: [] });
    expect(await body("/api/config", "2.0.18")).toEqual([]);
  });

  it("says that the project sleeps where there is nothing to answer", async () => {
    const port = await startWaker();
    for (const asked of [asleep("/session"), asleep("/global/health", { "x-opencode-release": "2.0.18" })])
      expect(await ask(port, asked)).toMatchObject({
        status: 503,
        headers: { "x-opencode-state": "asleep", "retry-after": "5" },
        body: "web is asleep. It wakes when somebody opens it.\n",
      });
  });

  it("says to the keeper that the gateway has switched", async () => {
    expect(await ask(await startWaker(), asleep("/_platform/asleep"))).toMatchObject({
      status: 204,
      headers: { "x-opencode-state": "asleep" },
    });
  });

  it("has nothing newer than what a browser has", async () => {
    expect((await ask(await startWaker(), asleep("/sw.js", { "if-none-match": '"1"' }))).status).toBe(304);
  });

  it("has no body for HEAD", async () => {
    expect(await ask(await startWaker(), { ...asleep("/global/health"), method: "HEAD" })).toMatchObject({
      status: 200,
      body: "",
    });
  });

  it("does not ask the keeper", async () => {
    const keeper = await startKeeper();
    await ask(await startWaker(), asleep("/global/health"));
    expect(keeper.asked).toEqual([]);
  });
});

describe("an event stream", () => {
  const first = async (path: string, release?: string) => {
    const answer = await begin(await startWaker(), events(path, release));
    const [text] = (await once(answer, "data")) as [string];
    answer.destroy();
    return { headers: answer.headers, text };
  };

  it("begins with a heartbeat as opencode's and not with what makes a page ask for everything", async () => {
    const id = expect.stringMatching(/^evt_[0-9a-f]{12}[0-9A-Za-z]{14}$/);
    const data = ({ text }: { text: string }) => JSON.parse(text.replace(/^data: (.*)\n\n$/, "$1"));
    const beat = { id, type: "server.heartbeat", properties: {} };
    await startKeeper();
    expect(data(await first("/event?directory=%2Fw"))).toEqual(beat);
    expect(data(await first("/p/web/event"))).toEqual(beat);
    expect(data(await first("/global/event"))).toEqual({ payload: beat });
    expect(await first("/api/event", "2.0.18")).toMatchObject({
      text: ": heartbeat\n\n",
      headers: { "content-type": "text/event-stream", "cache-control": "no-cache, no-transform" },
    });
  });

  it("stays while its project sleeps, and ends once when that is awake", async () => {
    const keeper = await startKeeper();
    const port = await startWaker();
    const answer = await begin(port, events("/event"));
    const ended = once(answer.resume(), "end");
    await expect.poll(() => keeper.asked.length).toBeGreaterThan(2);
    expect(answer.complete).toBe(false);
    keeper.state = "waking";
    const before = keeper.asked.length;
    await expect.poll(() => keeper.asked.length).toBeGreaterThan(before + 1);
    expect(answer.complete).toBe(false);
    keeper.state = "awake";
    await ended;
    expect(new Set(keeper.asked)).toEqual(new Set(["GET /projects"]));
  });

  it("ends before the request that has woken its project goes on", async () => {
    const keeper = await startKeeper(true);
    const port = await startWaker({ watch: 60_000 });
    const order: string[] = [];
    const answer = await begin(port, events("/event"));
    const stream = once(answer.resume(), "end").then(() => order.push("stream"));
    const prompt = ask(port, wake()).then(({ status }) => order.push(`prompt ${status}`));
    await expect.poll(() => keeper.asked.length).toBe(1);
    keeper.release();
    await Promise.all([stream, prompt]);
    expect(order).toEqual(["stream", "prompt 204"]);
  });

  it("is refused for a while where there are too many", async () => {
    const port = await startWaker({}, 2);
    const [first] = await Promise.all([begin(port, events("/event")), begin(port, events("/event"))]);
    expect(await ask(port, events("/event"))).toMatchObject({
      status: 503,
      headers: { "retry-after": "30" },
    });
    first.destroy();
    await expect
      .poll(async () => {
        const next = await begin(port, events("/event"));
        next.destroy();
        return next.statusCode;
      })
      .toBe(200);
  });

  it("is one of many for the price of a connection", async () => {
    const keeper = await startKeeper();
    const port = await startWaker({ watch: 20 });
    const answers = await Promise.all(Array.from({ length: 200 }, () => begin(port, events("/event"))));
    const ended = answers.map((answer) => once(answer.resume(), "end"));
    await expect.poll(() => keeper.asked.length).toBeGreaterThan(1);
    keeper.state = "awake";
    await Promise.all(ended);
    // One question for all of them.
    expect(keeper.asked.length).toBeLessThan(200);
  });
});

describe("what is calm for a major", () => {
  it.each(MAJORS)("is answered by the waker, and streams begin ($major.x)", async (api) => {
    const port = await startWaker();
    const release = { "x-opencode-release": `${api.major}.0.0` };
    const answer = await ask(port, asleep(api.health.path, release));
    expect(api.health.read({ status: answer.status ?? 0, body: answer.body })).toEqual({
      version: `${api.major}.0.0`,
    });
    for (const path of api.asleep.streams) {
      const stream = await begin(port, events(path, `${api.major}.0.0`));
      expect([path, stream.statusCode, stream.headers["content-type"]]).toEqual([
        path,
        200,
        "text/event-stream",
      ]);
      stream.destroy();
    }
  });
});
