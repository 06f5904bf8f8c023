import { spawn } from "node:child_process";
import type { Context } from "../part.ts";
import { imageId } from "./docker.ts";

/** Where Docker gets images without a registry's name from. */
export const IMAGE_REGISTRY = "registry-1.docker.io";
/** Images that were made here carry this label, so that `npm run down` may remove them. */
export const ORIGIN_LABEL = "dev.opencode-platform.origin";
/** How long a pull may take to find the image, where the registry seems out of reach from here. */
const PULL_TIMEOUT_MS = 1500;

/** Whether the Engine has the image already. */
export async function findImage(image: string, context: Context): Promise<string | undefined> {
  return (await imageId(image, context.env)) ? "already installed" : undefined;
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
  return pulled ? "pulled" : undefined;
}
