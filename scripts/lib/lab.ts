import { existsSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { Builders } from "../../toolchain/index.ts";

const LAB = join(import.meta.dirname, "../../lab/build/index.ts");

/** The lab's builders; the published package has no lab, and then nothing is built. */
export async function findBuilders(): Promise<Builders | undefined> {
  if (!existsSync(LAB)) return undefined;
  return ((await import(pathToFileURL(LAB).href)) as { builders: Builders }).builders;
}
