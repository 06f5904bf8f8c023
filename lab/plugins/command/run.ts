/** Runs a command like the official plugin. */
import { spawn } from "node:child_process";
import type { Context } from "../shared/resource.ts";
import { isPlainProps, type Plain, type PlainProps } from "../shared/values.ts";

/** Output of a finished command. */
export interface CommandOutput {
  readonly stdout: string;
  readonly stderr: string;
}

const KILL_AFTER_MS = 3000;

function textOf(value: Plain | undefined): string {
  return typeof value === "string" ? value : "";
}

/** The environment: this process's, the inputs', and the previous output. */
export function environmentOf(inputs: PlainProps, previous: CommandOutput): Record<string, string> {
  const asked = isPlainProps(inputs.environment) ? inputs.environment : {};
  const env: Record<string, string> = {};
  for (const [name, value] of Object.entries(asked)) env[name] = String(value);
  if (inputs.addPreviousOutputInEnv !== false) {
    if (previous.stdout !== "") env.PULUMI_COMMAND_STDOUT = previous.stdout;
    if (previous.stderr !== "") env.PULUMI_COMMAND_STDERR = previous.stderr;
  }
  return env;
}

/** The program and its arguments. */
export function argvOf(inputs: PlainProps, command: string): string[] {
  const own = Array.isArray(inputs.interpreter) ? inputs.interpreter.map(textOf) : [];
  return [...(own.length > 0 ? own : ["/bin/sh", "-c"]), command];
}

function logs(inputs: PlainProps, stream: "stdout" | "stderr"): boolean {
  const { logging } = inputs;
  return logging === undefined || logging === "stdoutAndStderr" || logging === stream;
}

/** Runs the command to its end; throws its output if it fails. */
export function run(
  command: string,
  inputs: PlainProps,
  previous: CommandOutput,
  context: Context,
): Promise<CommandOutput> {
  const [program = "", ...args] = argvOf(inputs, command);
  const written = { stdout: "", stderr: "", both: "" };
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      cwd: typeof inputs.dir === "string" ? inputs.dir : process.cwd(),
      env: { ...process.env, ...environmentOf(inputs, previous) },
      stdio: ["pipe", "pipe", "pipe"],
      detached: true,
    });
    const kill = (signal: NodeJS.Signals): void => {
      // The command's own process group, so that a shell's children end with it.
      if (child.pid !== undefined && child.exitCode === null && child.signalCode === null)
        process.kill(-child.pid, signal);
    };
    let killing: NodeJS.Timeout | undefined;
    const stop = (): void => {
      kill("SIGTERM");
      killing = setTimeout(() => kill("SIGKILL"), KILL_AFTER_MS).unref();
    };
    context.signal.addEventListener("abort", stop, { once: true });
    for (const stream of ["stdout", "stderr"] as const) {
      const lines = lineLog(logs(inputs, stream) ? context : undefined);
      child[stream].setEncoding("utf8").on("data", (chunk: string) => {
        written[stream] += chunk;
        written.both += chunk;
        lines.write(chunk);
      });
      child[stream].on("end", () => lines.end());
    }
    child.stdin.on("error", () => {}); // The command may exit without reading its input.
    child.stdin.end(textOf(inputs.stdin));
    child.on("error", (error) => reject(new Error(`can't run ${program}: ${error.message}`)));
    child.on("close", (code, signal) => {
      context.signal.removeEventListener("abort", stop);
      clearTimeout(killing);
      if (code === 0) resolve({ stdout: trim(written.stdout), stderr: trim(written.stderr) });
      else reject(new Error(`${ending(code, signal)}: running ${JSON.stringify(command)}:\n${written.both}`));
    });
  });
}

function ending(code: number | null, signal: NodeJS.Signals | null): string {
  return signal === null ? `exit status ${code}` : `signal: ${signal}`;
}

function trim(output: string): string {
  return output.endsWith("\n") ? output.slice(0, -1) : output;
}

/** Forwards whole lines to the engine's log. */
function lineLog(context: Context | undefined): { write(chunk: string): void; end(): void } {
  let rest = "";
  const say = (line: string): void => {
    if (line !== "") context?.log(line);
  };
  return {
    write: (chunk) => {
      const lines = (rest + chunk).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) say(line);
    },
    end: () => say(rest),
  };
}
