import { existsSync } from "node:fs";
import { join } from "node:path";
import { dockerHost } from "../../toolchain/lib/docker.ts";
import {
  type ExecOptions,
  type ExecResult,
  exec,
  lastLines,
  runInherited,
} from "../../toolchain/lib/exec.ts";
import { pulumiHome } from "../../toolchain/parts/plugins.ts";
import { findPulumi } from "../../toolchain/parts/pulumi.ts";
import { toolchainPath } from "../../toolchain/paths.ts";
import { backendUrl, passphraseFile, readSettings, root, STACK, toolchain } from "./checkout.ts";
import { stop } from "./main.ts";

/** What the CLI needs to know to work on this checkout's local state without asking anything. */
export function pulumiVariables(): Readonly<Record<string, string>> {
  const home = pulumiHome(toolchain);
  const docker = dockerHost(dockerSocket());
  return {
    PULUMI_BACKEND_URL: backendUrl,
    PULUMI_CONFIG_PASSPHRASE_FILE: passphraseFile,
    PULUMI_STACK: STACK,
    PULUMI_SKIP_UPDATE_CHECK: "true",
    ...(home ? { PULUMI_HOME: home } : {}),
    ...(docker ? { DOCKER_HOST: docker } : {}),
    PATH: toolchainPath(root),
  };
}

/** Settings that are wrong are the program's to explain; here they count as the default. */
function dockerSocket(): string | undefined {
  try {
    return readSettings().dockerSocket;
  } catch {
    return undefined;
  }
}

/** The environment of this process, with those variables. A passphrase that is set otherwise would contradict the file. */
export function pulumiEnv(): NodeJS.ProcessEnv {
  const { PULUMI_CONFIG_PASSPHRASE: _, ...rest } = process.env;
  return { ...rest, ...pulumiVariables() };
}

/** Path of the CLI; says how to get one when there is none. */
export async function pulumiBinary(): Promise<string> {
  const found = await findPulumi(toolchain);
  return found?.path ?? stop("pulumi", "is not on this machine yet", "npm start");
}

/** Runs the CLI and collects what it says. */
export async function pulumi(args: readonly string[], options: ExecOptions = {}): Promise<ExecResult> {
  return exec(await pulumiBinary(), args, { cwd: root, env: pulumiEnv(), ...options });
}

/** Runs the CLI; anything but success ends the script with what it said. */
export async function mustPulumi(args: readonly string[], options: ExecOptions = {}): Promise<string> {
  const { code, stdout, stderr } = await pulumi(args, options);
  if (code === 0) return stdout;
  const said = lastLines((stderr.trim() || stdout.trim()).replace(/^error: /, ""), 20);
  return stop(`pulumi ${args.slice(0, 2).join(" ")}`, said || `ended with code ${code}`);
}

/** Runs the CLI in this process's terminal. */
export async function pulumiInherited(args: readonly string[]): Promise<number> {
  return runInherited(await pulumiBinary(), args, pulumiEnv(), root);
}

/** Whether the stack has been made. */
export const stackExists = (stateDir: string, project: string): boolean =>
  existsSync(join(stateDir, ".pulumi", "stacks", project, `${STACK}.json`));
