import { existsSync, rmSync } from "node:fs";
import { workspaceDirectories } from "../../config/naming/names.ts";

/** The two folders that belong to a project: its workspace, and the home with its sessions. */
export function workspaceFolders(workspacesDir: string, name: string): string[] {
  return Object.values(workspaceDirectories(workspacesDir, name)).filter((folder) => existsSync(folder));
}

/** Deletes folders; answers those that this user may not delete. */
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
