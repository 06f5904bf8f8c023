import { type ExecResult, exec, mustExec } from "../../../../toolchain/lib/exec.ts";

const LIMIT_MS = 120_000;

/** Runs the Docker client; throws its output on failure. */
export const docker = (...args: string[]): Promise<string> =>
  mustExec("docker", args, { timeoutMs: LIMIT_MS }).then((said) => said.trim());

/** Runs the Docker client where failures are expected. */
export const tryDocker = (...args: string[]): Promise<ExecResult> =>
  exec("docker", args, { timeoutMs: LIMIT_MS });

/** Runs a command on this machine. */
export const command = (name: string, ...args: string[]): Promise<string> =>
  mustExec(name, args, { timeoutMs: LIMIT_MS }).then((said) => said.trim());

/** Ids or names printed by a Docker command, one per line. */
export async function listed(...args: string[]): Promise<string[]> {
  const text = await docker(...args);
  return text.split("\n").filter(Boolean);
}
