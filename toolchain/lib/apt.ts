import { existsSync } from "node:fs";
import { exec, mustExec, which } from "./exec.ts";

let updated = false;

/** Whether packages of Debian or Ubuntu can be installed without prompting. */
export function canApt(): boolean {
  return process.platform === "linux" && process.getuid?.() === 0 && existsSync("/etc/debian_version");
}

/** Installs packages with apt-get; the package lists are updated once per run. */
export async function aptInstall(
  packages: readonly string[],
  progress: (words: string) => void,
): Promise<void> {
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  if (!updated) {
    progress("apt-get update");
    await exec("apt-get", ["update", "-qq"], { env, timeoutMs: 180_000 });
    updated = true;
  }
  progress(`apt-get install ${packages.join(" ")}`);
  const args = ["install", "-y", "-qq", "--no-install-recommends", ...packages];
  await mustExec("apt-get", args, { env, timeoutMs: 900_000 });
}

/** The path of a command, after installing Debian's package if needed; `undefined` if that is impossible. */
export async function commandOrApt(
  command: string,
  packages: readonly string[],
  progress: (words: string) => void,
): Promise<string | undefined> {
  const there = which(command);
  if (there || !canApt()) return there;
  await aptInstall(packages, progress);
  return which(command);
}
