import { once } from "node:events";
import { createServer, type RequestListener, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { anonymous } from "../../attach/src/credentials.ts";
import { type Connection, serverVersion } from "../../attach/src/reach.ts";
import { sessionToOpen } from "../../attach/src/session.ts";
import { makeAgent } from "../../attach/src/upstream.ts";
import { OPENCODE, OPENCODE_2 } from "../../config/versions.ts";
import { unsupportedHealth } from "../../opencode/api/index.ts";
import { CREATED, HEALTHY, PAGE, serverOf2, v1, v2 } from "../support/attach/releases.ts";

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

/** A project that responds like this, and the requests that it got. */
async function project(handler: RequestListener) {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(request.method === "GET" ? String(request.url) : `${request.method} ${request.url}`);
    handler(request, response);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  const at: Connection = { url, agent: makeAgent(url), credentials: anonymous };
  closing.push(() => {
    at.agent.destroy();
    server.close();
  });
  return { at, asked };
}

type Reply = readonly [status: number, body: string, headers?: Record<string, string>];

function send(response: ServerResponse, [status, body, headers]: Reply): void {
  const type = body.startsWith("{") ? "application/json" : "text/html";
  response.writeHead(status, headers ?? { "content-type": type }).end(body);
}

/** Responds by path, else with the page. */
const byPath =
  (replies: Readonly<Record<string, Reply>>): RequestListener =>
  ({ url = "" }, response) =>
    send(response, replies[url] ?? [200, PAGE]);

const version = (at: Connection, print: (line: string) => void = () => {}) => serverVersion(at, { print });
const reported = (release: string): Reply => [200, JSON.stringify({ version: release, pid: 1 })];

describe("a project's release", () => {
  it("is found with one request for 1.x, the default", async () => {
    const { at, asked } = await project(byPath({ [v1.health.path]: [200, HEALTHY] }));
    expect([await version(at), asked]).toEqual([OPENCODE, [v1.health.path]]);
  });

  it("is found with two requests for 2.x, which answers the first with its page", async () => {
    const { at, asked } = await project(serverOf2());
    expect([await version(at), asked]).toEqual([OPENCODE_2, [v1.health.path, v2.health.path]]);
  });

  it("is not one of opencode if everything is answered with HTML", async () => {
    const { at, asked } = await project(byPath({}));
    await expect(version(at)).rejects.toMatchObject({
      kind: "unreachable",
      message: `${at.url.host} is not a project of an opencode platform: it does not answer as opencode 1.x or 2.x does.`,
    });
    expect(asked).toEqual([...new Set(asked)]);
  });

  it.each([401, 404])("is not one of opencode if a page is beside paths with status %i", async (status) => {
    const paths = [v2.health, ...unsupportedHealth].map(({ path }) => [path, [status, "{}"]] as const);
    const { at } = await project(byPath(Object.fromEntries(paths)));
    await expect(version(at)).rejects.toMatchObject({ kind: "unreachable" });
  });

  it("is named if its major is not supported, without asking twice", async () => {
    const { at, asked } = await project(byPath({ [v2.health.path]: reported("3.0.1") }));
    await expect(version(at)).rejects.toMatchObject({
      kind: "incompatible",
      message: `${at.url.host} runs opencode 3.0.1, and this program supports opencode 1.x and 2.x only.`,
    });
    expect(asked).toEqual([v1.health.path, v2.health.path]);
  });

  it("is named if it is one of the first of 2.x, which reported it at another path", async () => {
    const { at } = await project(byPath({ [unsupportedHealth.at(-1)?.path ?? ""]: reported("2.0.3") }));
    await expect(version(at)).rejects.toMatchObject({
      kind: "incompatible",
      message: `${at.url.host} runs opencode 2.0.3, and this program supports other releases of 2.x only.`,
    });
  });
});

describe("while a project of 2.x is starting", () => {
  const STARTING: Reply = [
    503,
    "shop is starting.",
    { "x-opencode-state": "starting", "x-opencode-project": "shop" },
  ];

  /** Gives each reply once, in this order. */
  const inOrder = (replies: readonly Reply[]): RequestListener => {
    const left = replies.values();
    return (_, response) => send(response, left.next().value ?? [500, ""]);
  };

  it("it is waited for, first as the gateway says and then as the server does", async () => {
    const lines: string[] = [];
    const page: Reply = [200, PAGE];
    const { at, asked } = await project(inOrder([STARTING, page, [503, ""], reported(OPENCODE_2)]));
    expect(await version(at, (line) => lines.push(line))).toBe(OPENCODE_2);
    // Once it has answered as 2.x does, 1.x is not asked for again.
    expect(asked).toEqual([v1.health.path, v1.health.path, v2.health.path, v2.health.path]);
    expect(lines[0]).toBe("shop is starting: waiting up to 2 minutes …");
  });

  it("its replacement by 1.x is noticed", async () => {
    const page: Reply = [200, PAGE];
    const { at, asked } = await project(inOrder([page, STARTING, page, [200, HEALTHY]]));
    expect(await version(at)).toBe(OPENCODE);
    expect(asked).toEqual([v1.health.path, v2.health.path, v2.health.path, v1.health.path]);
  });

  it("a notice that it is stopped ends the wait", async () => {
    const stopped: Reply = [503, "", { "x-opencode-state": "stopped", "x-opencode-project": "shop" }];
    const { at } = await project(inOrder([[200, PAGE], stopped]));
    await expect(version(at)).rejects.toMatchObject({ kind: "stopped" });
  });
});

describe("a project that is asleep", () => {
  const ASLEEP = {
    "x-opencode-state": "asleep",
    "x-opencode-project": "shop",
    "content-type": "application/json",
  };
  const WAKING = { "x-opencode-state": "waking", "x-opencode-project": "shop", "content-type": "text/plain" };
  const AWAKE = "/_platform/awake";

  /** Answers for a sleeper, and lets requests through that wake it, as the gateway does. */
  const sleeper = (asleep: Reply, awake: RequestListener, failures: readonly Reply[] = []) => {
    const failing = failures.values();
    let isAwake = false;
    return project((request, response) => {
      if (isAwake) return awake(request, response);
      if (request.url !== AWAKE) return send(response, asleep);
      const failed = failing.next().value;
      if (failed) return send(response, failed);
      isAwake = true;
      return awake(request, response);
    });
  };

  it("is woken with one line, and asked again", async () => {
    const lines: string[] = [];
    const { at, asked } = await sleeper([200, HEALTHY, ASLEEP], byPath({ [v1.health.path]: [200, HEALTHY] }));
    expect(await version(at, (line) => lines.push(line))).toBe(OPENCODE);
    expect(lines).toEqual(["shop was asleep; waking it …"]);
    expect(asked).toEqual([v1.health.path, AWAKE, v1.health.path]);
  });

  it("is woken where the release is another major's", async () => {
    const { at, asked } = await sleeper([503, "shop is asleep.", ASLEEP], serverOf2());
    expect(await version(at)).toBe(OPENCODE_2);
    expect(asked).toEqual([v1.health.path, AWAKE, v1.health.path, v2.health.path]);
  });

  it("is tried again, and said once, while it can't be woken", async () => {
    const lines: string[] = [];
    const waking: Reply = [503, "shop is waking.", WAKING];
    const { at } = await sleeper([200, HEALTHY, ASLEEP], byPath({ [v1.health.path]: [200, HEALTHY] }), [
      waking,
    ]);
    expect(await version(at, (line) => lines.push(line))).toBe(OPENCODE);
    expect(lines).toHaveLength(1);
  });

  it("is given up with the reason in the end", async () => {
    const { at } = await sleeper([200, HEALTHY, ASLEEP], byPath({}), [
      [503, "shop is asleep and could not be woken. The platform's keeper does not answer.", WAKING],
    ]);
    const timeouts = { starting: 0, away: 0 };
    await expect(serverVersion(at, { print: () => {}, timeouts })).rejects.toMatchObject({
      kind: "unreachable",
      message: expect.stringContaining("The platform's keeper does not answer."),
    });
  });
});

describe("the session that opencode opens", () => {
  const sessions = [
    { id: "ses_old", time: { created: 1, updated: 2 } },
    { id: "ses_newest", time: { created: 3, updated: 9 } },
    { id: "ses_new", time: { created: 8 } },
  ];

  it("is the one used last, whatever the list's order", async () => {
    for (const list of [sessions, sessions.toReversed()]) {
      const { at, asked } = await project(serverOf2(list));
      expect(await sessionToOpen(at, v2, ["--prompt", "hi"])).toEqual({
        session: "ses_newest",
        others: ["--prompt", "hi"],
      });
      expect(asked).toHaveLength(1);
    }
  });

  it("is a new one if there is none", async () => {
    const { at, asked } = await project(serverOf2());
    expect(await sessionToOpen(at, v2, [])).toEqual({ session: CREATED, others: [] });
    expect(asked.at(-1)).toBe(`POST ${v2.createSession().path}`);
  });

  it.each([[["--session", "ses_mine"]], [["-s", "ses_mine"]], [["--session=ses_mine", "-c"]]])(
    "is the user's own, without a request: %j",
    async (more) => {
      const { at, asked } = await project(serverOf2(sessions));
      expect([await sessionToOpen(at, v2, more), asked]).toEqual([{ others: more }, []]);
    },
  );

  it.each(["--continue", "-c"])(
    "is the one used last instead of %s, which would look on this machine",
    async (flag) => {
      const { at } = await project(serverOf2(sessions));
      expect(await sessionToOpen(at, v2, [flag, "--auto"])).toEqual({
        session: "ses_newest",
        others: ["--auto"],
      });
    },
  );

  it("is left to a client of 1.x", async () => {
    const { at, asked } = await project(byPath({}));
    expect([await sessionToOpen(at, v1, ["--continue"]), asked]).toEqual([{ others: ["--continue"] }, []]);
  });

  it("is reported if the server fails", async () => {
    const { at } = await project(byPath({ [v2.sessions(20).path]: [500, "{}"] }));
    await expect(sessionToOpen(at, v2, [])).rejects.toMatchObject({
      kind: "unreachable",
      message: `Cannot open a session: ${at.url.host} answers with status 500.`,
    });
  });
});
