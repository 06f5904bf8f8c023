import { spawn } from "node:child_process";
import { once } from "node:events";
import { get, type IncomingMessage } from "node:http";
import type { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import type { Cleaning } from "./cleaning.ts";
import { costOf, machineTime } from "./cost.ts";
import { makeClock, Reader, Writer } from "./lines.ts";
import { percentile } from "./stats.ts";

const PATIENCE_MS = 30_000;
const LOOK_MS = 20;

/** Followers of a log: text streams, and the processes behind them. */
export interface Followed {
  readonly streams: readonly Readable[];
  readonly pids: readonly number[];
  end(): Promise<void>;
}

/** Measurements of one run. */
export interface Following {
  /** Milliseconds from writing a line to receiving it, over all lines of all followers. */
  readonly p50: number;
  readonly p99: number;
  /** Milliseconds of CPU time for all lines: of the measured processes, and of the whole machine. */
  readonly processor: number;
  readonly machine: number;
  /** Bytes, after the last line. */
  readonly memory: number;
}

/** Starts `count` processes of `docker logs -f`. */
export async function followByDocker(
  container: string,
  count: number,
  cleaning: Cleaning,
): Promise<Followed> {
  const args = ["logs", "--follow", "--tail", "0", container];
  const children = Array.from({ length: count }, () =>
    spawn("docker", args, { stdio: ["ignore", "pipe", "inherit"] }),
  );
  const end = cleaning.add(async () => {
    const running = children.filter(({ exitCode, signalCode }) => exitCode === null && signalCode === null);
    const ended = running.map((child) => once(child, "exit"));
    for (const child of running) child.kill("SIGKILL");
    await Promise.all(ended);
  });
  return { streams: children.map(({ stdout }) => stdout), pids: children.map(({ pid = 0 }) => pid), end };
}

/** Opens `count` connections to a stream of a server: its address, its process, and what it wants of each request. */
export async function followByHttp(
  path: string,
  count: number,
  server: { readonly url: string; readonly pid: number; readonly headers: Readonly<Record<string, string>> },
): Promise<Followed> {
  const streams = await Promise.all(
    Array.from({ length: count }, () => open(server.url + path, server.headers)),
  );
  return {
    streams,
    pids: [server.pid],
    async end() {
      for (const stream of streams) stream.destroy();
    },
  };
}

function open(url: string, headers: Readonly<Record<string, string>>): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    get(url, { agent: false, headers }, (response) => {
      if (response.statusCode === 200) resolve(response);
      else reject(new Error(`${url} answered ${response.statusCode}`));
    }).on("error", reject);
  });
}

/** Writes lines while they are followed. */
export interface Lines {
  readonly container: string;
  readonly count: number;
  readonly pauseMs: number;
}

/**
 * Measures while lines are written. @throws Error if a follower misses a line or gets it twice or out of
 * order
 */
export async function follow(
  followed: Followed,
  { container, count, pauseMs }: Lines,
  cleaning: Cleaning,
): Promise<Following> {
  const run = `bench-${Math.random().toString(36).slice(2, 12)}`;
  const clock = makeClock();
  const readers = followed.streams.map((stream) => listen(stream, new Reader(run), clock));
  const writer = new Writer(container, run, cleaning);
  try {
    await until(readers, ({ isFollowing }) => (isFollowing ? undefined : "follows nothing"), {
      each: () => writer.mark(),
    });
    const before = { ...costOf(followed.pids), machine: machineTime() };
    writer.write(count, pauseMs);
    await until(
      readers,
      (reader) => (reader.count < count ? `has ${reader.count} of ${count} lines` : undefined),
      {
        withinMs: PATIENCE_MS + 2 * count * pauseMs,
      },
    );
    const after = { ...costOf(followed.pids), machine: machineTime() };
    const delays = readers.flatMap((reader) => reader.delays);
    return {
      p50: percentile(delays, 50),
      p99: percentile(delays, 99),
      processor: after.processor - before.processor,
      machine: after.machine - before.machine,
      memory: after.memory,
    };
  } finally {
    await writer.end();
    await followed.end();
  }
}

function listen(stream: Readable, reader: Reader, clock: () => number): Reader {
  stream.setEncoding("utf8").on("data", (text: string) => reader.take(text, clock()));
  stream.on("end", () => reader.cutOff()).on("error", () => reader.cutOff());
  return reader;
}

/** Waits until no follower misses anything. */
async function until(
  readers: readonly Reader[],
  missing: (reader: Reader) => string | undefined,
  { each = () => {}, withinMs = PATIENCE_MS }: { each?: () => void; withinMs?: number },
): Promise<void> {
  const end = performance.now() + withinMs;
  for (;;) {
    each();
    const wrong = readers.findIndex(({ trouble }) => trouble !== undefined);
    if (wrong >= 0) throw new Error(`Follower ${wrong + 1} of ${readers.length} ${readers[wrong]?.trouble}`);
    const late = readers.findIndex((reader) => missing(reader) !== undefined);
    const reader = readers[late];
    if (!reader) return;
    if (performance.now() > end)
      throw new Error(
        `Follower ${late + 1} of ${readers.length} ${missing(reader)} after ${withinMs / 1000} s`,
      );
    await sleep(LOOK_MS);
  }
}
