import { existsSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { Builders } from "../../toolchain/index.ts";

const LAB = join(import.meta.dirname, "../../lab/build/index.ts");

/**
 * For a package without a lab: builds nothing, and uses what a checkout has built into a shared toolchain.
 */
const NONE: Builders = { builds: {}, installStandIns: () => [] };

/** The lab's builders; the published package has no lab and builds nothing. */
export async function findBuilders(): Promise<Builders> {
  if (!existsSync(LAB)) return NONE;
  return ((await import(pathToFileURL(LAB).href)) as { builders: Builders }).builders;
}
