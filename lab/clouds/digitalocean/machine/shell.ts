import { type ExecResult, exec, mustExec } from "../../../../toolchain/lib/exec.ts";

const LIMIT_MS = 120_000;

/** Runs the Docker client; a failure throws with what it said. */
export const docker = (...args: string[]): Promise<string> =>
  mustExec("docker", args, { timeoutMs: LIMIT_MS }).then((said) => said.trim());

/** Runs the Docker client where a failure is no surprise. */
export const tryDocker = (...args: string[]): Promise<ExecResult> =>
  exec("docker", args, { timeoutMs: LIMIT_MS });

/** Runs a command of this machine. */
export const command = (name: string, ...args: string[]): Promise<string> =>
  mustExec(name, args, { timeoutMs: LIMIT_MS }).then((said) => said.trim());

/** The ids or names that a listing of Docker's prints, one on each line. */
export async function listed(...args: string[]): Promise<string[]> {
  const text = await docker(...args);
  return text.split("\n").filter(Boolean);
}
