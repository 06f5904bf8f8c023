import { existsSync, rmSync } from "node:fs";
import { workspaceDirectories } from "../../config/naming/names.ts";

/** The two directories of a project: its workspace, and the home with its sessions. */
export function workspaceFolders(workspacesDir: string, name: string): string[] {
  return Object.values(workspaceDirectories(workspacesDir, name)).filter((folder) => existsSync(folder));
}

/** Deletes directories; returns those that this user is not allowed to delete. */
export function deleteFolders(folders: readonly string[]): string[] {
  return folders.filter((folder) => {
    try {
      rmSync(folder, { recursive: true, force: true });
      return existsSync(folder);
    } catch {
      return true;
    }
  });
}
