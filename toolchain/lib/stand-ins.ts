import { existsSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { isStandIn, LANGUAGE_HOST } from "../../config/stack/stand-ins.ts";

/** Directories of the providers' stand-ins in a toolchain's folder, of any version. */
export function installedStandIns(dir: string): string[] {
  const plugins = join(dir, "pulumi-home", "plugins");
  if (!existsSync(plugins)) return [];
  return readdirSync(plugins)
    .filter((folder) => {
      const file = join(plugins, folder, folder.replace(/^(resource-[a-z]+)-v.*$/, "pulumi-$1"));
      return existsSync(file) && isStandIn(file);
    })
    .map((folder) => join(plugins, folder));
}

/** Removes a toolchain's stand-ins, including the language host; official plugins stay. */
export function removeStandIns(dir: string): void {
  for (const folder of installedStandIns(dir)) rmSync(folder, { recursive: true });
  const host = join(dir, "bin", LANGUAGE_HOST);
  if (existsSync(host) && isStandIn(host)) rmSync(host);
}
