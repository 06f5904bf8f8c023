import { cpSync, existsSync, mkdirSync, readFileSync, realpathSync } from "node:fs";
import { dirname, join } from "node:path";

const MODULES = join(import.meta.dirname, "../../node_modules");

/** Copies an installed package and all that it depends on into a folder's node_modules, as `npm install` without a network. */
export function copyPackage(name: string, folder: string, copied = new Set<string>()): void {
  const from = join(MODULES, name);
  if (copied.has(name) || !existsSync(from)) return;
  copied.add(name);
  const to = join(folder, "node_modules", name);
  mkdirSync(dirname(to), { recursive: true });
  cpSync(realpathSync(from), to, {
    recursive: true,
    filter: (path) => !path.slice(from.length).includes("/node_modules/.bin"),
  });
  const manifest = JSON.parse(readFileSync(join(from, "package.json"), "utf8")) as {
    dependencies?: object;
    optionalDependencies?: object;
  };
  for (const dependency of Object.keys({ ...manifest.dependencies, ...manifest.optionalDependencies }))
    copyPackage(dependency, folder, copied);
}
