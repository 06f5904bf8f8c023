import { writeFileSync } from "node:fs";
import type { Context } from "../../toolchain/part.ts";
import { missedFile } from "../../toolchain/parts/plugins.ts";
import { install } from "../plugins/install.ts";

/** The stand-ins for Pulumi's plugins; when the official ones were missed is noted, so that they are looked for again. */
export async function buildPlugins({ dir }: Context): Promise<string> {
  writeFileSync(missedFile(dir), "");
  install(dir, process.execPath);
  return "stand-ins in TypeScript, run from this checkout";
}
