import { writeFileSync } from "node:fs";
import type { Context } from "../../toolchain/part.ts";
import { missedFile } from "../../toolchain/parts/plugins.ts";
import { install } from "../plugins/install.ts";

/**
 * Installs stand-ins for Pulumi's plugins and records when the official ones were missing, to look for them
 * again later.
 */
export async function buildPlugins({ dir }: Context): Promise<string> {
  writeFileSync(missedFile(dir), "");
  install(dir, process.execPath);
  return "stand-ins in TypeScript, run from this checkout";
}
