import { existsSync, mkdtempSync, readdirSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { defaultWorkspaces } from "../../config/stack/workspaces-dir.ts";

/** Prefix of all folders of the tests, followed by the process id. */
const START = "opencode-platform-e2e-";

/** Creates a folder of this process. The caller removes it; if the process is killed, a later run does. */
export const temporaryFolder = (): string =>
  realpathSync(mkdtempSync(join(tmpdir(), `${START}${process.pid}-`)));

export const removeFolder = (folder: string): void => rmSync(folder, { recursive: true, force: true });

/** Removes folders of processes that have ended, and the workspaces of platforms in them. */
export function removeDeadFolders(): void {
  for (const place of [tmpdir(), dirname(defaultWorkspaces(tmpdir()))].filter(existsSync))
    for (const name of readdirSync(place)) {
      const pid = name.startsWith(START) ? Number.parseInt(name.slice(START.length), 10) : 0;
      if (pid > 0 && !isRunning(pid)) removeFolder(join(place, name));
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
