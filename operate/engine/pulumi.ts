import { fail } from "../../config/errors.ts";
import {
  type ExecOptions,
  type ExecResult,
  exec,
  lastLines,
  runInherited,
} from "../../toolchain/lib/exec.ts";
import { findPulumi } from "../../toolchain/parts/pulumi.ts";
import { root, toolchain } from "./checkout.ts";
import { openSession, type Session } from "./session.ts";

/** How the CLI is run, and on which stack: by default the one of this machine. */
export interface PulumiOptions extends ExecOptions {
  session?: Session | undefined;
}

/** The environment of this process, as a stack wants it. */
export function pulumiEnv({ variables }: Session = openSession()): NodeJS.ProcessEnv {
  return { ...process.env, ...variables };
}

/** The CLI: its path, and its version where it is known. @throws UserError where there is none */
export async function pulumiProgram(): Promise<{ path: string; version: string }> {
  const found = await findPulumi(toolchain);
  return found ?? fail("environment", "pulumi", "is not installed yet", "npm start");
}

/** Path of the CLI. @throws UserError where there is none */
export const pulumiBinary = async (): Promise<string> => (await pulumiProgram()).path;

/** Runs the CLI and collects what it says. */
export async function pulumi(args: readonly string[], options: PulumiOptions = {}): Promise<ExecResult> {
  const { session, ...rest } = options;
  return exec(await pulumiBinary(), args, { cwd: root, env: pulumiEnv(session), ...rest });
}

/** Runs the CLI and returns what it prints. @throws UserError with its error where it does not succeed */
export async function pulumiOrThrow(args: readonly string[], options: PulumiOptions = {}): Promise<string> {
  const { code, stdout, stderr } = await pulumi(args, options);
  if (code === 0) return stdout;
  const output = lastLines((stderr.trim() || stdout.trim()).replace(/^error: /, ""), 20);
  return fail("engine", `pulumi ${args.slice(0, 2).join(" ")}`, output || `exited with code ${code}`);
}

/** Runs the CLI in this process's terminal. */
export async function pulumiInherited(args: readonly string[], session?: Session): Promise<number> {
  return runInherited(await pulumiBinary(), args, pulumiEnv(session), root);
}
