import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { serviceToken } from "../../attach/src/credentials.ts";
import { serverVersion } from "../../attach/src/reach.ts";
import { makeAgent } from "../../attach/src/upstream.ts";
import { type Example, startExample } from "../../lab/clouds/cloudflare/example/index.ts";
import { connectionTo, type Opened, openProxy, Person, urlAt } from "../support/attach/example.ts";
import { v1, v2 } from "../support/attach/releases.ts";

let example: Example;
const opened: Opened[] = [];

const open = async (...args: Parameters<typeof openProxy>) => {
  const one = await openProxy(...args);
  opened.push(one);
  return one;
};
const ann = (options: object = {}) => new Person(() => example.sign(options));

beforeAll(async () => {
  example = await startExample();
});

afterEach(async () => {
  example.answer();
  example.seen = [];
  await Promise.all(opened.splice(0).map(({ proxy }) => proxy.close()));
});

afterAll(() => example.stop());

describe("while the platform restarts", () => {
  it("answers 502 with Retry-After, and recovers afterwards", async () => {
    const { ask } = await open(example, ann());
    expect((await ask("/")).status).toBe(200);
    example.tunnel.stop();
    await vi.waitFor(async () => {
      const response = await ask("/");
      expect([response.status, response.headers.get("retry-after")]).toEqual([502, "2"]);
    });
    await example.connect();
    await example.configure();
    expect((await ask("/")).status).toBe(200);
  });

  it.each([v1, v2])("holds an event stream of $major.x until the platform is back", async (api) => {
    const { ask } = await open(example, ann(), undefined, api);
    let starting = true;
    example.answer((_, response) => {
      if (starting) response.writeHead(503).end("shop is starting.");
      else response.writeHead(200, { "content-type": "text/event-stream" }).end("data: 1\n\n");
    });
    const held = ask(api.eventsPath);
    await vi.waitFor(() => expect(example.seen.length).toBeGreaterThan(1), { timeout: 5000 });
    example.tunnel.stop();
    await vi.waitFor(async () => expect((await ask("/")).status).toBe(502));
    starting = false;
    await example.connect();
    const response = await held;
    expect([response.status, await response.text()]).toEqual([200, "data: 1\n\n"]);
  });

  it.each([v1, v2])(
    "holds a prompt until the client of $major.x has reopened its event stream",
    async (api) => {
      const { ask } = await open(example, ann(), undefined, api);
      let cut: () => void = () => {};
      example.answer((request, response) => {
        if (request.method === "POST") return void response.end("taken");
        response.writeHead(200, { "content-type": "text/event-stream" }).write("data: 1\n\n");
        cut = () => response.end();
      });
      const first = await ask(api.eventsPath);
      expect(await (await ask("/any", { method: "POST", body: "{}" })).text()).toBe("taken");
      cut();
      await first.text();
      let taken = false;
      const prompt = ask("/any", { method: "POST", body: "{}" }).then(async (response) => {
        taken = true;
        return await response.text();
      });
      // Reads are not held.
      const other = await ask("/other");
      expect(taken).toBe(false);
      await other.body?.cancel();
      const again = await ask(api.eventsPath);
      expect(await prompt).toBe("taken");
      await again.body?.cancel();
    },
  );

  it("forwards the platform's notices", async () => {
    const { ask } = await open(example, ann());
    example.answer(
      (_, response) => void response.writeHead(503, { "retry-after": "5" }).end("shop is starting."),
    );
    const response = await ask("/");
    expect([response.status, response.headers.get("retry-after"), await response.text()]).toEqual([
      503,
      "5",
      "shop is starting.",
    ]);
    example.answer(
      (_, answer) => void answer.writeHead(403, { "content-type": "application/json" }).end("{}"),
    );
    expect([(await ask("/")).status, opened.at(-1)?.problems]).toEqual([403, []]);
  });

  it("answers 502 if nothing listens", async () => {
    const { ask, proxy } = await open(example, ann());
    await ask("/");
    await proxy.close();
    const stopped = await startExample();
    const later = await open(stopped, new Person(() => stopped.sign()));
    await stopped.stop();
    expect((await later.ask("/")).status).toBe(502);
  });
});

describe("waiting for a project", () => {
  const asks = async (timeouts: { starting: number; away: number }) => {
    const url = urlAt(example);
    const { machine } = example;
    const credentials = serviceToken({
      CF_ACCESS_CLIENT_ID: machine["CF-Access-Client-Id"],
      CF_ACCESS_CLIENT_SECRET: machine["CF-Access-Client-Secret"],
    });
    if (!credentials) throw new Error("no service token");
    const agent = makeAgent(url, connectionTo(example));
    try {
      return await serverVersion({ url, agent, credentials }, { print: () => {}, timeouts });
    } finally {
      agent.destroy();
    }
  };

  it("times out with the notice's text", async () => {
    const headers = {
      "x-opencode-state": "starting",
      "x-opencode-project": "shop",
      "content-type": "text/plain",
    };
    example.answer((_, response) => response.writeHead(503, headers).end("shop is starting. …"));
    await expect(asks({ starting: 0, away: 60_000 })).rejects.toMatchObject({
      kind: "unreachable",
      message: "shop is not responding: shop is starting. …",
    });
  });

  it("times out if the platform is not connected", async () => {
    example.answer((_, response) => response.writeHead(502).end());
    await expect(asks({ starting: 60_000, away: 0 })).rejects.toMatchObject({
      kind: "unreachable",
      message: expect.stringContaining("Cloudflare has no connection to the platform"),
    });
  });
});
