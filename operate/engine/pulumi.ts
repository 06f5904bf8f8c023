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

/** How the CLI runs, and its stack. Default: this machine's. */
export interface PulumiOptions extends ExecOptions {
  session?: Session | undefined;
}

/** This process's environment with the stack's variables. */
export function pulumiEnv({ variables }: Session = openSession()): NodeJS.ProcessEnv {
  return { ...process.env, ...variables };
}

/** The CLI's path, and its version where known. @throws UserError if it is not installed */
export async function pulumiProgram(): Promise<{ path: string; version: string }> {
  const found = await findPulumi(toolchain);
  return found ?? fail("environment", "pulumi", "is not installed yet", "npm start");
}

/** Path of the CLI. @throws UserError if it is not installed */
export const pulumiBinary = async (): Promise<string> => (await pulumiProgram()).path;

/** Runs the CLI and collects its output. */
export async function pulumi(args: readonly string[], options: PulumiOptions = {}): Promise<ExecResult> {
  const { session, ...rest } = options;
  return exec(await pulumiBinary(), args, { cwd: root, env: pulumiEnv(session), ...rest });
}

/** Runs the CLI and returns its output. @throws UserError with its error if it fails */
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
