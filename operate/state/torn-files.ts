import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";

/**
 * Removes what a killed engine leaves next to a stack's state in a folder's backend: unfinished copies, and a
 * truncated attributes file, which makes the state unreadable ("failed to load checkpoint: EOF"). The state
 * itself
 * is replaced atomically and needs no attributes. Only call this while the stack is not being updated.
 */
export function removeTornFiles(folder: string, project: string, stack: string): void {
  const stacks = join(folder, ".pulumi", "stacks", project);
  if (!existsSync(stacks)) return;
  const own = readdirSync(stacks).filter((name) => name.startsWith(`${stack}.json`));
  for (const name of own) {
    const file = join(stacks, name);
    const isTorn = name.endsWith(".tmp") || (name.endsWith(".attrs") && !isJson(readFileSync(file, "utf8")));
    if (isTorn) rmSync(file, { force: true });
  }
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
