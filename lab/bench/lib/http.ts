import { Agent, request } from "node:http";
import { createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import type { OpencodeApi } from "../../../opencode/api/index.ts";
import { projectApi } from "./api.ts";

/** The target of an HTTP request. */
export interface Target {
  readonly host: string;
  readonly port: number;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** A free port of 127.0.0.1 whose successor is free too. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = 20_000 + Math.floor(Math.random() * 20_000);
    if ((await isFree(port)) && (await isFree(port + 1))) return port;
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer().once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
}

export interface Answer {
  readonly status: number;
  readonly bytes: number;
  readonly contentType: string | undefined;
  readonly body: string;
}

/** A target's path without a trailing slash. */
export const basePath = ({ path }: Pick<Target, "path">): string => path.replace(/\/$/, "");

/** A path below a target. */
export const below = (target: Target, path: string): Target => ({ ...target, path: basePath(target) + path });

/** Sends one request over a connection of the agent. */
export function ask(target: Target, agent: Agent): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const { host, port, path, headers } = target;
    request({ host, port, path, headers, agent, timeout: 5000 }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk)).on("error", reject);
      response.on("end", () => {
        const body = Buffer.concat(chunks);
        resolve({
          status: response.statusCode ?? 0,
          bytes: body.length,
          contentType: response.headers["content-type"],
          body: body.toString("utf8"),
        });
      });
    })
      .on("timeout", function (this: { destroy(error: Error): void }) {
        this.destroy(new Error(`${host}:${port}${path} did not respond within 5 s`));
      })
      .on("error", reject)
      .end();
  });
}

/** Polls every 50 ms until something answers with 200. */
export async function untilAnswered(target: Target, patienceMs = 60_000): Promise<void> {
  const agent = new Agent({ keepAlive: false });
  const until = performance.now() + patienceMs;
  while (performance.now() < until) {
    const answer = await ask(target, agent).catch(() => undefined);
    if (answer?.status === 200) return;
    await sleep(50);
  }
  throw new Error(`${target.host}:${target.port}${target.path} did not answer within ${patienceMs / 1000} s`);
}

/** Polls every 50 ms until opencode reports that it is healthy. @param target the project's root */
export async function untilHealthy(
  target: () => Promise<Target | undefined>,
  patienceMs = 120_000,
  api: OpencodeApi = projectApi,
): Promise<void> {
  const agent = new Agent({ keepAlive: false });
  const until = performance.now() + patienceMs;
  while (performance.now() < until) {
    const where = await target();
    if (where && (await isHealthy(where, agent, api))) return;
    await sleep(50);
  }
  throw new Error(`not healthy after ${patienceMs / 1000} s`);
}

async function isHealthy(target: Target, agent: Agent, { health }: OpencodeApi): Promise<boolean> {
  try {
    health.read(await ask(below(target, health.path), agent));
    return true;
  } catch {
    return false;
  }
}

/** Milliseconds of each of `count` sequential requests on one keep-alive connection. */
export async function latencies(target: Target, count: number): Promise<number[]> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const times: number[] = [];
  for (let index = 0; index < count; index++) {
    const began = performance.now();
    expectOk(await ask(target, agent));
    times.push(performance.now() - began);
  }
  agent.destroy();
  return times;
}

/** Responses per second over `connections` keep-alive connections that request back to back. */
export async function throughput(target: Target, connections: number, forMs: number): Promise<number> {
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  const began = performance.now();
  let answered = 0;
  const loop = async () => {
    while (performance.now() - began < forMs) {
      expectOk(await ask(target, agent));
      answered++;
    }
  };
  await Promise.all(Array.from({ length: connections }, loop));
  const seconds = (performance.now() - began) / 1000;
  agent.destroy();
  return answered / seconds;
}

function expectOk({ status }: Answer): void {
  if (status !== 200) throw new Error(`answered ${status}`);
}
