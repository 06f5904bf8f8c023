import { mkdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { docker } from "./docker.ts";
import { must } from "./run.ts";

/** opencode's own binary, copied out of a project's container: the same release that serves. It is removed when the process ends. */
export async function opencodeBinary(container: string): Promise<string> {
  const folder = join(tmpdir(), `e2e-opencode-${process.pid}`);
  mkdirSync(folder, { recursive: true });
  process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
  const { Id } = await docker.getContainer(container).inspect();
  const inside = await must("docker", ["exec", Id, "readlink", "-f", "/usr/local/bin/opencode"]);
  await must("docker", ["cp", `${Id}:${inside.stdout.trim()}`, join(folder, "opencode")]);
  return join(folder, "opencode");
}
