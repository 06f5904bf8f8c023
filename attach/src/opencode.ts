/** opencode on this machine. */
import { execFile } from "node:child_process";
import { once } from "node:events";
import { constants } from "node:os";
import { promisify } from "node:util";
// On Windows npm's programs are scripts (opencode.cmd), which Node's own doesn't start.
import spawn from "cross-spawn";
import { apiFor, isOlder, majorOf, type OpencodeApi } from "../../opencode/api/index.ts";
import { UserError } from "./errors.ts";
import type { Pinned } from "./pinned.ts";

/** The release of each major that the platform's projects run, which `--npx` installs here. */
export const OPENCODE_VERSIONS: Readonly<Record<number, string>> = { 1: "1.18.33", 2: "2.0.18" };

/** Milliseconds for opencode to print its version, or for the browser to open. */
const TIMEOUT_MS = 30_000;

export interface Program {
  readonly command: string;
  readonly args: readonly string[];
}

/** The version of the opencode in PATH, or why there is none. */
export type Installed =
  | { readonly version: string }
  | { readonly version?: never; readonly reason: "missing" | "timeout" | "failed" };

/**
 * Reads the version of the opencode in PATH. All majors have the same name and take the same argument for it.
 * @param timeoutMs milliseconds after which it is killed
 */
export async function installedVersion(
  { executable, versionArgs }: Pick<OpencodeApi["terminal"], "executable" | "versionArgs">,
  env: NodeJS.ProcessEnv,
  timeoutMs = TIMEOUT_MS,
): Promise<Installed> {
  const stdio = ["ignore", "pipe", "ignore"] as const;
  const child = spawn(executable, [...versionArgs], {
    env,
    stdio: [...stdio],
    timeout: timeoutMs,
    killSignal: "SIGKILL",
  });
  let text = "";
  child.stdout?.setEncoding("utf8").on("data", (part: string) => {
    text += part;
  });
  try {
    const closed = new Promise((resolve) => child.once("close", resolve));
    const [code, signal] = (await once(child, "exit")) as [number | null, string | null];
    // A program of its own may keep the output open.
    if (signal === "SIGKILL") return { reason: "timeout" };
    await closed;
    const version = code === 0 ? /\d+\.\d+\.\d+\S*/.exec(text)?.[0] : undefined;
    return version === undefined ? { reason: "failed" } : { version };
  } catch (error) {
    return { reason: (error as NodeJS.ErrnoException).code === "ENOENT" ? "missing" : "failed" };
  } finally {
    child.stdout?.destroy();
  }
}

const UNUSABLE = {
  missing: "opencode is not installed.",
  timeout: "The installed opencode did not print its version in time.",
  failed: "The installed opencode did not print its version.",
} as const;

/**
 * Picks the program to start: the installed opencode if it can open the project, else the pinned one of the project's major if `--npx` allows
 * that.
 * @param options.server the release that the project runs
 * @throws UserError (`noOpencode`, `older`, `incompatible`) with the command that installs one
 */
export function chooseProgram(options: {
  readonly installed: Installed;
  readonly server: string;
  readonly npx: boolean;
}): Program | { readonly pinned: Pinned } {
  const { installed, server, npx } = options;
  const { version } = installed;
  const { terminal, major } = apiFor(server);
  const pinned = OPENCODE_VERSIONS[major] ?? server;
  const isOtherMajor = version !== undefined && majorOf(version) !== majorOf(server);
  if (version !== undefined && !isOtherMajor && !isOlder(version, server))
    return { command: terminal.executable, args: [] };
  if (npx) {
    const byHand = `Run: npm install -g ${terminal.npmPackage}@${pinned}.`;
    return { pinned: { major, version: pinned, byHand } };
  }
  const wanted = isOlder(pinned, server) ? server : pinned;
  const fix = `Run: npm install -g ${terminal.npmPackage}@${wanted}. Or add --npx to run it without installing.`;
  if (version === undefined) throw new UserError("noOpencode", "opencode", UNUSABLE[installed.reason], fix);
  if (isOtherMajor)
    throw new UserError(
      "incompatible",
      "opencode",
      `The installed opencode ${version} cannot open a project that runs opencode ${server}.`,
      fix,
    );
  throw new UserError(
    "older",
    "opencode",
    `The installed opencode ${version} is older than the project's ${server}.`,
    fix,
  );
}

const FORWARDED = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
/** Milliseconds before opencode is killed after its terminal closed: it may run forever without one. */
const KILL_AFTER_MS = 5000;

/** Runs a program in this terminal and forwards signals. Returns its exit code, 128 + n for signal n. */
export function runProgram({ command, args }: Program, env: NodeJS.ProcessEnv): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const child = spawn(command, [...args], { env, stdio: "inherit" });
  const forward = (signal: NodeJS.Signals) => {
    child.kill(signal);
    if (signal === "SIGHUP") setTimeout(() => child.kill("SIGKILL"), KILL_AFTER_MS).unref();
  };
  for (const signal of FORWARDED) process.on(signal, forward);
  child.on("error", reject);
  child.on("exit", (code, signal) => {
    for (const each of FORWARDED) process.off(each, forward);
    resolve(code ?? 128 + constants.signals[signal ?? "SIGTERM"]);
  });
  return promise;
}

/** Opens a URL in the default browser. */
export async function openBrowser(url: string, platform: NodeJS.Platform = process.platform): Promise<void> {
  const openers: Partial<Record<NodeJS.Platform, string>> = { darwin: "open", win32: "explorer" };
  try {
    await promisify(execFile)(openers[platform] ?? "xdg-open", [url], { timeout: TIMEOUT_MS });
  } catch (error) {
    // Windows' explorer ends with 1 when it has opened the page.
    if (platform === "win32" && (error as { code?: unknown }).code === 1) return;
    throw new UserError("usage", "browser", "Could not open a browser.", `Open ${url} yourself.`);
  }
}
