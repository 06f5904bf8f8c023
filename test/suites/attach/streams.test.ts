import { spawn } from "node:child_process";
import { once } from "node:events";
import { type Agent, get, Agent as HttpAgent, type IncomingMessage } from "node:http";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import type { Call } from "../../../opencode/api/index.ts";
import { ANN, Chain } from "../../support/attach/chain.ts";
import { BIN, Person } from "../../support/attach/person.ts";
import { events } from "../../support/http.ts";
import { projectApi } from "../../support/opencode.ts";
import { waitFor } from "../../support/wait.ts";

let chain: Chain;
let ann: Person;
const running: ReturnType<typeof spawn>[] = [];

beforeAll(async () => {
  chain = await Chain.start({ alpha: [ANN] });
  await chain.answers("alpha");
});
afterAll(() => chain?.stop());
afterEach(() => {
  for (const child of running.splice(0)) child.kill();
  ann?.remove();
});

/** Starts `--print`; returns the process and the URL it prints. */
async function printed(env: Record<string, string> = {}) {
  ann = new Person(chain, ANN);
  const child = spawn(process.execPath, [BIN, chain.url("alpha"), "--print"], {
    env: { ...ann.env, ...env },
  });
  running.push(child);
  const [line] = (await once(child.stdout, "data")) as [Buffer];
  return { child, url: String(line).trim() };
}

/** Calls opencode's API. */
async function make<Result>(url: string, { method, path, body, read }: Call<Result>): Promise<Result> {
  const headers = { "content-type": "application/json" };
  const response = await fetch(url + path, { method, headers, body: JSON.stringify(body ?? {}) });
  return read({ status: response.status, body: await response.text() });
}

const open = (url: string, agent: Agent): Promise<IncomingMessage> =>
  new Promise((resolve, reject) => get(url, { agent }, resolve).on("error", reject));

/** Starts a shell in the project; returns the URL of its WebSocket. */
async function shell(url: string) {
  const id = await make(url, projectApi.createTerminal("bash", ["--norc"]));
  return url.replace("http", "ws") + projectApi.terminalPath(id);
}

/** Connects to a shell and runs a command. */
async function runInShell(address: string): Promise<void> {
  const socket = new WebSocket(address);
  await once(socket, "open");
  let received = "";
  socket.on("message", (data) => {
    received += String(data);
  });
  socket.send("echo $((6 * 7)) in $PWD\n");
  await waitFor("the command's output", () =>
    received.includes("42 in /workspace") ? { done: true } : { seen: received },
  );
  socket.close();
  await once(socket, "close");
}

describe("many clients of one local proxy", () => {
  const STREAMS = 100;
  const EVENTS = 50;

  it(`${STREAMS} event streams get every event once and in order`, async () => {
    const { url } = await printed();
    const agent = new HttpAgent({ maxSockets: STREAMS });
    const heard = Array.from({ length: STREAMS }, (): number[] => []);
    let connected = 0;
    const listen = async (into: number[]) => {
      for await (const event of events(await open(url + projectApi.eventsPath, agent))) {
        if (projectApi.isConnected(event)) connected++;
        const number = /^event (\d+)$/.exec(projectApi.createdTitle(event) ?? "")?.[1];
        if (number) into.push(Number(number));
        if (into.length >= EVENTS) return;
      }
    };
    const listening = Promise.all(heard.map(listen));
    await waitFor("all streams", () => (connected === STREAMS ? { done: true } : { seen: connected }));
    for (let n = 0; n < EVENTS; n++) await make(url, projectApi.createSession(`event ${n}`));
    await listening;
    agent.destroy();
    const all = Array.from({ length: EVENTS }, (_, n) => n);
    expect(heard).toEqual(heard.map(() => all));
  });
});

describe("--print", () => {
  it("proxies a terminal's WebSocket, also with a renewed token", async () => {
    const { url } = await printed();
    const address = await shell(url);
    await runInShell(address);
    const logins = chain.logins;
    await chain.expire("alpha");
    await runInShell(address);
    expect(chain.logins).toBe(logins + 1);
  });

  it("exits with 0 on SIGINT and closes its port", async () => {
    const { child, url } = await printed(chain.serviceToken);
    expect((await fetch(url + projectApi.health.path)).status).toBe(200);
    child.kill("SIGINT");
    expect(await once(child, "exit")).toEqual([0, null]);
    await expect(fetch(url + projectApi.health.path)).rejects.toThrow();
  });
});
