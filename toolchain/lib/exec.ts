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
  /** Hears every line of both streams as it comes. */
  onLine?: (line: string) => void;
  /** Appends both streams to this file. */
  logFile?: string;
  /** The child ends in order when asked to (Ctrl-C, SIGTERM), and this process waits for that. */
  endsInOrder?: boolean;
}

export interface ExecResult {
  /** Exit code; `null` when a signal ended it, 127 when there is no such command. */
  code: number | null;
  stdout: string;
  stderr: string;
}

/** Runs a command to its end and never throws: a command that is not there answers with code 127. */
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
    const release = endWithUs(child, options.endsInOrder ?? false);
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

/** Children that run now, and whether each is waited for. */
const children = new Map<ChildProcess, boolean>();

/** No child outlives this process: what ends this one by a signal ends them too. */
function endWithUs(child: ChildProcess, endsInOrder: boolean): () => void {
  if (children.size === 0) for (const signal of SIGNALS) process.on(signal, endChildren);
  children.set(child, endsInOrder);
  return () => {
    children.delete(child);
    if (children.size === 0) for (const signal of SIGNALS) process.off(signal, endChildren);
  };
}

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

function endChildren(signal: NodeJS.Signals): void {
  const mustWait = [...children.values()].includes(true);
  // A terminal has sent Ctrl-C to the children already, and a second one means "at once" to Pulumi.
  if (signal !== "SIGINT" || !process.stdin.isTTY) for (const child of children.keys()) child.kill(signal);
  if (!mustWait) process.exit(128 + constants.signals[signal]);
}

/** Runs a command; anything but exit code 0 throws, with the last lines it said. */
export async function mustExec(
  command: string,
  args: readonly string[],
  options: ExecOptions = {},
): Promise<string> {
  const { code, stdout, stderr } = await exec(command, args, options);
  if (code === 0) return stdout;
  const said = lastLines(stderr.trim() || stdout.trim(), 15);
  const ended = code === null ? "was ended by a signal or took too long" : `ended with code ${code}`;
  throw new Error(`\`${[command, ...args].join(" ").slice(0, 160)}\` ${ended}${said ? `:\n${said}` : ""}`);
}

/** Runs a command with this process's own terminal; answers its exit code. Ctrl-C goes to the child, which decides. */
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

function lineSplitter(onLine: ((line: string) => void) | undefined): (text: string) => void {
  if (!onLine) return () => {};
  let rest = "";
  return (text) => {
    const lines = (rest + text).split(/[\r\n]+/);
    rest = lines.pop() ?? "";
    for (const line of lines) if (line.trim()) onLine(line);
  };
}
