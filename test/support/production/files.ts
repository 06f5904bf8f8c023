import { createReadStream } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { listen } from "../../../lab/clouds/http.ts";
import { must } from "../run.ts";
import { removeFolder, temporaryFolder } from "../temporary.ts";
import type { World } from "./world.ts";

/** Puts files into a project's workspace on the droplet, as the project's user: over HTTP, since they may be many. */
export async function copyToWorkspace(
  world: World,
  project: string,
  write: (folder: string) => void,
): Promise<void> {
  const folder = temporaryFolder();
  const archive = join(folder, "files.tar");
  write(join(folder, "files"));
  await must("tar", ["-cf", archive, "-C", join(folder, "files"), "."]);
  const server = await listen(
    createServer((_request, response) => void createReadStream(archive).pipe(response)),
    { host: "0.0.0.0" },
  );
  try {
    const url = `http://${world.digitalocean.gateway}:${server.port}/`;
    const workspace = `/workspaces/${project}`;
    await world.onDroplet(
      "bash",
      "-c",
      `set -eo pipefail; owner=$(stat -c %u:%g ${workspace}); curl -fsS ${url} | tar -x -C ${workspace} --no-same-owner && chown -hR "$owner" ${workspace}`,
    );
  } finally {
    await server.close();
    removeFolder(folder);
  }
}
