import { spawn } from "node:child_process";
import { withDigest } from "../../config/versions.ts";
import type { Context } from "../part.ts";
import { docker, imageId } from "./docker.ts";

/** Docker's registry for images without a registry in their name. */
export const IMAGE_REGISTRY = "registry-1.docker.io";
/** Label of locally built images, so that `npm run down` can remove them. */
export const ORIGIN_LABEL = "dev.opencode-platform.origin";
/** Timeout for a pull to find the image, if the registry seems unreachable. */
const PULL_TIMEOUT_MS = 1500;

/** Whether the Engine has the image. */
export async function findImage(image: string, context: Context): Promise<string | undefined> {
  return (await imageId(image, context.env)) ? "already installed" : undefined;
}

/**
 * Pulls an image: what is pinned for its tag by digest, and gives it the tag. The Engine may reach a registry that this process can't (a mirror, a proxy, another host),
 * so the pull is tried in any case, but with a short timeout if the registry did not respond here.
 */
export async function pullImage(
  image: string,
  context: Context,
  pinned = withDigest(image),
): Promise<string | undefined> {
  const doubtful = !(await context.network.reaches(IMAGE_REGISTRY));
  context.progress("pulling");
  const pulled = await new Promise<boolean>((resolve) => {
    const child = spawn("docker", ["pull", pinned], {
      env: context.env,
      stdio: ["ignore", "pipe", "ignore"],
    });
    const timer = doubtful ? setTimeout(() => child.kill("SIGKILL"), PULL_TIMEOUT_MS) : undefined;
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
  if (!pulled) return undefined;
  if (pinned !== image && (await docker(["tag", pinned, image], context.env)).code !== 0) return undefined;
  return "pulled";
}
