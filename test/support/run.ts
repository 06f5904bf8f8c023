import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";

export interface Ran {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** Both streams, in order of arrival. */
  readonly output: string;
}

export interface RunOptions {
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly input?: string;
}

/** Runs a program to its end; a code other than 0 is a result, not an error. */
export function run(command: string, args: readonly string[], options: RunOptions = {}): Promise<Ran> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd: options.cwd,
      env: options.env,
      stdio: ["pipe", "pipe", "pipe"],
    });
    const said = { stdout: "", stderr: "", output: "" };
    for (const name of ["stdout", "stderr"] as const) {
      child[name].setEncoding("utf8");
      child[name].on("data", (text: string) => {
        said[name] += text;
        said.output += text;
      });
    }
    child.on("error", reject);
    child.on("close", (code) => resolve({ code, ...said }));
    child.stdin.on("error", () => undefined);
    child.stdin.end(options.input);
  });
}

/**
 * Runs a script of a checkout, or of a team's repository, as `npm run <script> -- <args>` does, without npm, which would take half a second of
 * processor time each: it runs in `npm start`.
 */
export function runScript(
  root: string,
  script: string,
  args: readonly string[],
  options?: RunOptions,
): Promise<Ran> {
  const own = join(root, "scripts", "run.mjs");
  const launcher = existsSync(own)
    ? own
    : join(root, "node_modules", "opencode-platform", "scripts", "bin.mjs");
  return run(process.execPath, [launcher, script, ...args], { cwd: root, ...options });
}

/** Runs a program that must succeed. */
export async function must(command: string, args: readonly string[], options?: RunOptions): Promise<Ran> {
  const ran = await run(command, args, options);
  if (ran.code === 0) return ran;
  throw new Error(`${command} ${args.join(" ")} ended with ${ran.code}:\n${ran.output.slice(-4000)}`);
}
