/** opencode on this machine. */
import { execFile, spawn } from "node:child_process";
import { constants } from "node:os";
import { promisify } from "node:util";
import { UserError } from "./errors.ts";

/** The release that the platform's projects run. */
export const OPENCODE_VERSION = "1.18.33";

const TIMEOUT = 30_000;

export interface Program {
  readonly command: string;
  readonly args: readonly string[];
}

/** The version of the opencode in PATH; undefined without one. */
export async function installedVersion(env: NodeJS.ProcessEnv): Promise<string | undefined> {
  try {
    const { stdout } = await promisify(execFile)("opencode", ["--version"], { env, timeout: TIMEOUT });
    return /\d+\.\d+\.\d+\S*/.exec(stdout)?.[0];
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

/** Whether a version comes before another. Pre-releases are counted as their release. */
export function isOlder(version: string, than: string): boolean {
  const parts = (text: string) => text.split(/[.+-]/).slice(0, 3).map(Number);
  const [a, b] = [parts(version), parts(than)];
  for (let i = 0; i < 3; i++) if (a[i] !== b[i]) return (a[i] ?? 0) < (b[i] ?? 0);
  return false;
}

/** What to start: the opencode of this machine if it will do, else the pinned one by npx if that is wanted. */
export function chooseProgram(options: {
  readonly installed: string | undefined;
  readonly server: string | undefined;
  readonly npx: boolean;
}): Program {
  const { installed, server, npx } = options;
  const good = installed !== undefined && !(server && isOlder(installed, server));
  if (good) return { command: "opencode", args: [] };
  if (npx) return { command: "npx", args: ["--yes", `opencode-ai@${OPENCODE_VERSION}`] };
  const install = `npm install -g opencode-ai@${server && isOlder(OPENCODE_VERSION, server) ? "latest" : OPENCODE_VERSION}`;
  if (installed === undefined)
    throw new UserError(
      "noOpencode",
      "opencode",
      "opencode is not installed here.",
      `Run: ${install}. Or add --npx, which needs no install.`,
    );
  throw new UserError(
    "older",
    "opencode",
    `opencode here is ${installed}, older than the project's ${server}.`,
    `Run: ${install}. Or add --npx.`,
  );
}

const FORWARDED = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
/** Milliseconds for opencode to end by itself once its terminal is gone: it may go on for ever without one. */
const GRACE = 5000;

/** Runs a program in this terminal to its end; signals reach it. Returns its exit code as a shell tells it. */
export function runHere({ command, args }: Program, env: NodeJS.ProcessEnv): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const child = spawn(command, args, { env, stdio: "inherit" });
  const forward = (signal: NodeJS.Signals) => {
    child.kill(signal);
    if (signal === "SIGHUP") setTimeout(() => child.kill("SIGKILL"), GRACE).unref();
  };
  for (const signal of FORWARDED) process.on(signal, forward);
  child.on("error", reject);
  child.on("exit", (code, signal) => {
    for (const each of FORWARDED) process.off(each, forward);
    resolve(code ?? 128 + constants.signals[signal ?? "SIGTERM"]);
  });
  return promise;
}

/** Opens a URL in the person's browser. */
export async function openBrowser(url: string, platform: NodeJS.Platform = process.platform): Promise<void> {
  const openers: Partial<Record<NodeJS.Platform, string>> = { darwin: "open", win32: "explorer" };
  try {
    await promisify(execFile)(openers[platform] ?? "xdg-open", [url], { timeout: TIMEOUT });
  } catch {
    throw new UserError("usage", "browser", "No browser could be opened here.", `Open ${url} yourself.`);
  }
}
