/**
 * The part of the Docker Engine's API that the panel uses: reading containers, starting, continuing and stopping
 * them, and running a command in one.
 */
import type { Readable } from "node:stream";
import Docker from "dockerode";
import { PLATFORM_LABEL, PROJECT_LABEL } from "../../config/naming/names.ts";
import { type ExecResult, lineSplitter } from "../../toolchain/lib/exec.ts";
import { readFrames, readLines } from "./frames.ts";
import type { LogLine, Stats } from "./types.ts";

/** The fields of `docker inspect` that are used besides those in containers.ts. */
export interface Inspection {
  readonly Id: string;
  readonly Name: string;
  readonly Created?: string;
  readonly Config?: { readonly Tty?: boolean; readonly Labels?: Readonly<Record<string, string>> };
  readonly HostConfig?: {
    readonly Memory?: number;
    readonly NanoCpus?: number;
    readonly CpuQuota?: number;
    readonly CpuPeriod?: number;
  };
  readonly State?: {
    readonly Status?: string;
    readonly Paused?: boolean;
    readonly Error?: string;
    readonly StartedAt?: string;
  };
}

/** An event of a container. */
export interface ContainerEvent {
  readonly id: string;
  /** `start`, `die`, `health_status: healthy` … */
  readonly action: string;
}

export interface LogRequest {
  readonly follow: boolean;
  /** Number of lines from the end. Default: all. */
  readonly tail?: number;
  /** Skips older lines. ISO 8601 with nanoseconds, as in a line. */
  readonly since?: string;
  readonly signal?: AbortSignal;
}

export interface Engine {
  /** Ids of a stack's containers, or of one of its projects; running or stopped. */
  ids(prefix: string, project?: string): Promise<string[]>;
  /** Undefined if the container no longer exists. */
  inspect(id: string): Promise<Inspection | undefined>;
  /** Events from now on; ends when the engine stops. Resolves once the engine is listening. */
  events(prefix: string, signal: AbortSignal): Promise<AsyncIterable<ContainerEvent>>;
  /** Ends with the container or its log. Empty if the container no longer exists. */
  logs(id: string, request: LogRequest): AsyncIterable<LogLine>;
  /** One sample per second, until the container ends. */
  stats(id: string, signal: AbortSignal): AsyncIterable<Stats>;
  /** Returns whether the container exists. Does nothing if it is running. @throws the engine's error if it is paused */
  start(name: string): Promise<boolean>;
  /** Lets a paused container go on. Returns whether it exists. */
  unpause(name: string): Promise<boolean>;
  /** Returns whether the container exists. Kills it after `grace` seconds. */
  stop(name: string, grace: number): Promise<boolean>;
  /**
   * Runs a command in a container to its end.
   * @param timeoutMs milliseconds for it; 0 for none. Default: 30 s
   * @param onLine receives each line of its output as it arrives
   * @throws the engine's error if the container does not run, or is paused
   */
  exec(
    name: string,
    command: readonly string[],
    timeoutMs?: number,
    onLine?: (line: string) => void,
  ): Promise<ExecResult>;
}

/** `exec_die` ends a health check, and a changed health line has no event of its own. */
const EVENTS =
  "create start die stop restart destroy oom health_status update rename pause unpause exec_die".split(" ");

/** Bytes of a command's output that are kept: what runs in a container may write without an end. */
const EXEC_OUTPUT = 8 * 2 ** 20;
/** Milliseconds for a command in a container, unless told otherwise. */
const EXEC_TIMEOUT_MS = 30_000;

/** The engine behind a socket. */
export function openEngine(socketPath: string): Engine {
  const docker = new Docker({ socketPath });
  return {
    async ids(prefix, project) {
      const ofProject = project === undefined ? [] : [`${PROJECT_LABEL}=${project}`];
      const filters = { label: [`${PLATFORM_LABEL}=${prefix}`, ...ofProject] };
      return (await docker.listContainers({ all: true, filters })).map(({ Id }) => Id);
    },
    inspect: (id) => unlessGone(docker.getContainer(id).inspect() as Promise<Inspection>),
    async events(prefix, signal) {
      const filters = { type: ["container" as const], event: EVENTS, label: [`${PLATFORM_LABEL}=${prefix}`] };
      const options = { filters, abortSignal: signal };
      return eventsOf((await docker.getEvents(options)) as Readable);
    },
    logs: (id, request) => logsOf(docker.getContainer(id), request),
    async *stats(id, signal) {
      const options = { stream: true as const, abortSignal: signal };
      const stream = (await docker.getContainer(id).stats(options)) as Readable;
      for await (const line of jsonLines(stream)) yield line as Stats;
    },
    start: (name) => wasThere(docker.getContainer(name).start()),
    unpause: (name) => wasThere(docker.getContainer(name).unpause()),
    stop: (name, grace) => wasThere(docker.getContainer(name).stop({ t: grace })),
    exec: (name, command, timeoutMs = EXEC_TIMEOUT_MS, onLine) =>
      execIn(docker.getContainer(name), command, timeoutMs, onLine),
  };
}

const statusOf = (error: unknown): number | undefined =>
  (error as { statusCode?: number } | undefined)?.statusCode;

async function unlessGone<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if (statusOf(error) === 404) return undefined;
    throw error;
  }
}

/** 304 means that the container is already in that state. */
async function wasThere(work: Promise<unknown>): Promise<boolean> {
  try {
    await work;
    return true;
  } catch (error) {
    if (statusOf(error) === 304) return true;
    if (statusOf(error) === 404) return false;
    throw error;
  }
}

async function execIn(
  container: Docker.Container,
  command: readonly string[],
  timeoutMs: number,
  onLine?: (line: string) => void,
): Promise<ExecResult> {
  const limit = timeoutMs > 0 ? { abortSignal: AbortSignal.timeout(timeoutMs) } : {};
  const options = { Cmd: [...command], AttachStdout: true, AttachStderr: true, ...limit };
  const exec = await container.exec(options);
  const lines = onLine && { stdout: lineReader(onLine), stderr: lineReader(onLine) };
  const output = { stdout: [] as Buffer[], stderr: [] as Buffer[] };
  let size = 0;
  for await (const { stream, data } of readFrames(await exec.start(limit), false)) {
    size += data.length;
    // Leaving the loop closes the connection.
    if (size > EXEC_OUTPUT) throw new Error(`${command[0]} wrote more than ${EXEC_OUTPUT / 2 ** 20} MiB`);
    output[stream].push(data);
    lines?.[stream](data);
  }
  const { ExitCode } = await exec.inspect();
  const text = (parts: readonly Buffer[]) => Buffer.concat(parts).toString("utf8");
  return { code: ExitCode, stdout: text(output.stdout), stderr: text(output.stderr) };
}

/** The same of bytes, of which a character may come in two parts. */
function lineReader(onLine: (line: string) => void): (data: Buffer) => void {
  const decoder = new TextDecoder();
  const split = lineSplitter(onLine);
  return (data) => split(decoder.decode(data, { stream: true }));
}

async function* logsOf(container: Docker.Container, request: LogRequest): AsyncIterable<LogLine> {
  const { follow, tail, since, signal } = request;
  const options = {
    stdout: true,
    stderr: true,
    timestamps: true,
    ...(tail === undefined ? {} : { tail }),
    // Fractions of a second need a string, which dockerode's types do not allow.
    ...(since === undefined ? {} : { since: unixTime(since) as unknown as number }),
    ...(signal ? { abortSignal: signal } : {}),
  };
  const inspection = await unlessGone(container.inspect());
  if (!inspection) return;
  const isTty = inspection.Config.Tty;
  if (!follow) {
    const buffer = (await container.logs({ ...options, follow: false })) as unknown as Buffer;
    yield* readLines([buffer], isTty);
    return;
  }
  const stream = (await container.logs({ ...options, follow: true })) as Readable;
  try {
    yield* readLines(stream, isTty);
  } finally {
    stream.destroy();
  }
}

/** Seconds since 1970 with nine decimals. */
export function unixTime(iso: string): string {
  const [, fraction = ""] = /\.(\d+)/.exec(iso) ?? [];
  return `${Math.floor(Date.parse(iso) / 1000)}.${fraction.padEnd(9, "0").slice(0, 9)}`;
}

async function* eventsOf(stream: Readable): AsyncIterable<ContainerEvent> {
  try {
    for await (const line of jsonLines(stream)) {
      const { Action, Actor } = line as { Action?: string; Actor?: { ID?: string } };
      if (Action && Actor?.ID) yield { action: Action, id: Actor.ID };
    }
  } finally {
    stream.destroy();
  }
}

async function* jsonLines(stream: Readable): AsyncIterable<unknown> {
  let rest = "";
  try {
    for await (const chunk of stream.setEncoding("utf8")) {
      const lines = (rest + String(chunk)).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) if (line.trim()) yield JSON.parse(line);
    }
  } finally {
    stream.destroy();
  }
}
