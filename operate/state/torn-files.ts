import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";

/**
 * Removes what an engine that was killed in the middle of writing has left beside a stack's state in a folder's backend: unfinished copies,
 * and a file of attributes that is cut short, with which the state can't be read at all ("failed to load checkpoint: EOF"). The state itself
 * is renamed into place whole, and needs no attributes. Only to be called while nobody updates the stack.
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
