import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Context } from "../part.ts";
import { docker, imageId } from "./docker.ts";
import { mustExec } from "./exec.ts";

/** Where Docker gets images without a registry's name from. */
export const IMAGE_REGISTRY = "registry-1.docker.io";
/** Images that were made here carry this label, so that `npm run down` may remove them. */
export const ORIGIN_LABEL = "dev.opencode-platform.origin";
/** How long a pull may take to find the image, where the registry seems out of reach from here. */
const DOUBTFUL_PULL_MS = 1500;

/** Whether the Engine has the image already. */
export async function findImage(image: string, context: Context): Promise<string | undefined> {
  return (await imageId(image, context.env)) ? "already on this machine" : undefined;
}

/**
 * Pulls an image. The Engine may reach a registry that this process doesn't (a mirror, a proxy, another host), so it is
 * asked in any case, but given little time to begin where the registry did not answer here.
 */
export async function pullImage(image: string, context: Context): Promise<string | undefined> {
  const doubtful = !(await context.network.reaches(IMAGE_REGISTRY));
  context.progress("pulling");
  const pulled = await new Promise<boolean>((resolve) => {
    const child = spawn("docker", ["pull", image], { env: context.env, stdio: ["ignore", "pipe", "ignore"] });
    const timer = doubtful ? setTimeout(() => child.kill("SIGKILL"), DOUBTFUL_PULL_MS) : undefined;
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      if (/Pulling from/.test(text)) clearTimeout(timer);
      context.progress(`pulling: ${text.trim().split("\n").pop()?.slice(0, 60) ?? ""}`);
    });
    child.on("error", () => resolve(false));
    child.on("close", (code) => {
      clearTimeout(timer);
      resolve(code === 0);
    });
  });
  return pulled ? "pulled" : undefined;
}

export interface ImageRecipe {
  image: string;
  /** Name of the archive in the toolchain's folder, kept so that the image can be had again without a build. */
  archive: string;
  /** Changes when the way it is made changes, so that an old archive is not used. */
  version: string;
  origin: string;
  /** Dockerfile instructions for `docker import --change`. */
  changes: readonly string[];
  /** Fills a folder with the image's file system. */
  fill(root: string, context: Context): Promise<void>;
}

/** Imports an image from the archive in the toolchain's folder, which is made first unless it is there. */
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
