import { join } from "node:path";
import { must } from "./run.ts";

/** opencode's own binary, copied out of a project's container into a folder: the same release that serves. */
export async function opencodeBinary(container: string, folder: string): Promise<string> {
  const inside = await must("docker", ["exec", container, "readlink", "-f", "/usr/local/bin/opencode"]);
  await must("docker", ["cp", `${container}:${inside.stdout.trim()}`, join(folder, "opencode")]);
  return join(folder, "opencode");
}
