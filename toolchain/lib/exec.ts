import { type ChildProcess, type SpawnOptions, spawn } from "node:child_process";
import { createWriteStream } from "node:fs";
import { constants } from "node:os";

export { which } from "../../config/which.ts";

export interface ExecOptions {
  cwd?: string;
  env?: NodeJS.ProcessEnv;
  /** Text for the child's standard input. */
  input?: string;
  /** Ends the child after this many milliseconds; the result then has code `null`. */
  timeoutMs?: number;
  /** Receives every line of both streams as it arrives. */
  onLine?: (line: string) => void;
  /** Appends both streams to this file. */
  logFile?: string;
  /** Whether the child ends gracefully on Ctrl-C or SIGTERM, and this process waits for that. */
  stopsGracefully?: boolean;
  /** Ends the child gracefully, like Ctrl-C. Default: only a signal to this process does. */
  signal?: AbortSignal;
}

export interface ExecResult {
  /** Exit code; `null` if a signal ended it, 127 if the command was not found. */
  code: number | null;
  stdout: string;
  stderr: string;
}

/** Runs a command to its end and never throws: a missing command returns code 127. */
export function exec(
  command: string,
  args: readonly string[],
  options: ExecOptions = {},
): Promise<ExecResult> {
  const spawnOptions: SpawnOptions = {
    cwd: options.cwd,
    env: options.env ?? process.env,
    stdio: [options.input === undefined ? "ignore" : "pipe", "pipe", "pipe"],
    ...(options.timeoutMs ? { timeout: options.timeoutMs, killSignal: "SIGKILL" } : {}),
  };
  return new Promise((resolve) => {
    const child = spawn(command, args, spawnOptions);
    const release = killOnExit(child, options);
    const log = options.logFile ? createWriteStream(options.logFile, { flags: "a", mode: 0o600 }) : undefined;
    const result: ExecResult = { code: null, stdout: "", stderr: "" };
    const collect = (name: "stdout" | "stderr") => {
      const lines = lineSplitter(options.onLine);
      child[name]?.setEncoding("utf8").on("data", (text: string) => {
        result[name] += text;
        log?.write(text);
        lines(text);
      });
    };
    collect("stdout");
    collect("stderr");
    let settled = false;
    const settle = (code: number | null) => {
      if (settled) return;
      settled = true;
      release();
      result.code = code;
      if (log) log.end(() => resolve(result));
      else resolve(result);
    };
    child.on("error", (error) => {
      result.stderr += error.message;
      settle(127);
    });
    child.on("close", settle);
    child.stdin?.on("error", () => {}).end(options.input);
  });
}

interface Running {
  readonly stopsGracefully: boolean;
  /** Whether it has got a signal: Pulumi takes a second one as "immediately". */
  isAsked: boolean;
}

/** Running children. */
const children = new Map<ChildProcess, Running>();

/** Ends children with this process, so that none outlives it. */
function killOnExit(child: ChildProcess, { stopsGracefully = false, signal }: ExecOptions): () => void {
  // Before all other listeners: one of them may abort the signal, and by then the terminal's Ctrl-C must be
  // recorded.
  if (children.size === 0) for (const name of SIGNALS) process.prependListener(name, killChildren);
  children.set(child, { stopsGracefully, isAsked: false });
  const abort = () => ask(child, "SIGINT");
  if (signal?.aborted) abort();
  else signal?.addEventListener("abort", abort, { once: true });
  return () => {
    signal?.removeEventListener("abort", abort);
    children.delete(child);
    if (children.size === 0) for (const name of SIGNALS) process.off(name, killChildren);
  };
}

/** Sends a child one signal only. A graceful one gets SIGINT: on others Pulumi may end immediately. */
function ask(child: ChildProcess, signal: NodeJS.Signals): void {
  const running = children.get(child);
  if (!running || running.isAsked) return;
  running.isAsked = true;
  child.kill(running.stopsGracefully ? "SIGINT" : signal);
}

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

function killChildren(signal: NodeJS.Signals): void {
  const mustWait = [...children.values()].some(({ stopsGracefully }) => stopsGracefully);
  for (const [child, running] of children) {
    // A terminal sends Ctrl-C to the children itself.
    if (signal === "SIGINT" && process.stdin.isTTY) running.isAsked = true;
    else ask(child, signal);
  }
  if (!mustWait) process.exit(128 + constants.signals[signal]);
}

/** Runs a command; throws the last lines of its output unless it exits with 0. */
export async function mustExec(
  command: string,
  args: readonly string[],
  options: ExecOptions = {},
): Promise<string> {
  const { code, stdout, stderr } = await exec(command, args, options);
  if (code === 0) return stdout;
  const said = lastLines(stderr.trim() || stdout.trim(), 15);
  const ended = code === null ? "was killed or timed out" : `exited with code ${code}`;
  throw new Error(`\`${[command, ...args].join(" ").slice(0, 160)}\` ${ended}${said ? `:\n${said}` : ""}`);
}

/**
 * Runs a command in this process's terminal; returns its exit code. Ctrl-C goes to the child, which decides.
 */
export function runInherited(
  command: string,
  args: readonly string[],
  env = process.env,
  cwd?: string,
): Promise<number> {
  return new Promise((resolve) => {
    const child = spawn(command, args, { stdio: "inherit", env, cwd });
    const forward = (signal: NodeJS.Signals) => child.kill(signal);
    const wait = () => {};
    process.on("SIGINT", wait).on("SIGTERM", forward).on("SIGHUP", forward);
    const settle = (code: number) => {
      process.off("SIGINT", wait).off("SIGTERM", forward).off("SIGHUP", forward);
      resolve(code);
    };
    child.on("error", () => settle(127));
    child.on("close", (code, signal) => settle(code ?? (signal === "SIGINT" ? 130 : 1)));
  });
}

/** The last lines of a text. */
export function lastLines(text: string, count: number): string {
  return text.split("\n").slice(-count).join("\n");
}

/** Passes on each line that has ended and is not blank. */
export function lineSplitter(onLine: ((line: string) => void) | undefined): (text: string) => void {
  if (!onLine) return () => {};
  let rest = "";
  return (text) => {
    const lines = (rest + text).split(/[\r\n]+/);
    rest = lines.pop() ?? "";
    for (const line of lines) if (line.trim()) onLine(line);
  };
}
