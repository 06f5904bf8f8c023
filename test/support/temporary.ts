import { mkdtempSync, readdirSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Prefix of all folders of the tests, followed by the process id. */
const START = "opencode-platform-e2e-";

/** Creates a folder of this process. The caller removes it; if the process is killed, a later run does. */
export const temporaryFolder = (): string =>
  realpathSync(mkdtempSync(join(tmpdir(), `${START}${process.pid}-`)));

export const removeFolder = (folder: string): void => rmSync(folder, { recursive: true, force: true });

/** Removes folders of processes that have ended. */
export function removeDeadFolders(): void {
  for (const name of readdirSync(tmpdir())) {
    const pid = name.startsWith(START) ? Number.parseInt(name.slice(START.length), 10) : 0;
    if (pid > 0 && !isRunning(pid)) removeFolder(join(tmpdir(), name));
  }
}

export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
