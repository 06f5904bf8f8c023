import { existsSync } from "node:fs";
import { join } from "node:path";
import { docker } from "../../../toolchain/lib/docker.ts";
import { mustExec } from "../../../toolchain/lib/exec.ts";
import { ORIGIN_LABEL } from "../../../toolchain/lib/image.ts";
import type { Context } from "../../../toolchain/part.ts";

export interface ImageRecipe {
  image: string;
  /** Name of the archive in the toolchain's directory, kept to import the image again without a build. */
  archive: string;
  /** Changes with the build, so that an old archive is not used. */
  version: string;
  origin: string;
  /** Dockerfile instructions for `docker import --change`. */
  changes: readonly string[];
  /** Fills a directory with the image's file system. */
  fill(root: string, context: Context): Promise<void>;
}

/** Imports an image from its archive in the toolchain's directory, which is built first if missing. */
export async function makeImage(recipe: ImageRecipe, context: Context): Promise<string> {
  const archive = join(context.dir, recipe.archive);
  const known = await context.manifest.verified(recipe.archive, recipe.version);
  if (!known) {
    const root = join(context.scratch, "root");
    await recipe.fill(root, context);
    context.progress("packing");
    const packed = join(context.scratch, "image.tar");
    await mustExec("tar", ["--numeric-owner", "-C", root, "-cf", packed, "."]);
    await mustExec("mv", [packed, archive]);
    await context.manifest.record(recipe.archive, recipe.version, recipe.origin);
  }
  context.progress("importing into Docker");
  const changes = [...recipe.changes, `LABEL ${ORIGIN_LABEL}=${recipe.origin}`];
  const args = ["import", ...changes.flatMap((change) => ["--change", change]), archive, recipe.image];
  const { code, stderr } = await docker(args, context.env, 300_000);
  if (code !== 0 || !existsSync(archive))
    throw new Error(`docker import of ${recipe.image}: ${stderr.trim()}`);
  return known ? "imported from the toolchain's folder" : "";
}
