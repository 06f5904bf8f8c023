import { existsSync, mkdirSync, renameSync } from "node:fs";
import { join } from "node:path";
import { COMPOSE } from "../../../config/versions.ts";
import { aptInstall, canApt } from "../../../toolchain/lib/apt.ts";
import { exec, which } from "../../../toolchain/lib/exec.ts";
import type { Part } from "../../../toolchain/part.ts";
import { goBuild } from "../../build/lib/go.ts";

const BINARY = "bin/docker-compose";

/** The command for Docker Compose: the toolchain's own build, Docker's plugin, or the one on PATH. */
export async function findCompose(dir: string): Promise<readonly string[] | undefined> {
  const own = join(dir, BINARY);
  if (existsSync(own)) return [own];
  const plugin = await exec("docker", ["compose", "version"], { timeoutMs: 20_000, stopsGracefully: true });
  if (plugin.code === 0 && /v?2\.|v?[3-9]\./.test(plugin.stdout)) return ["docker", "compose"];
  const command = which("docker-compose");
  return command ? [command] : undefined;
}

/** Docker Compose, for comparison in the figures only. */
export const composePart: Part = {
  name: `docker compose ${COMPOSE}`,
  remedy: "install the Docker Compose plugin (https://docs.docker.com/compose/install)",

  async find({ dir }) {
    const command = await findCompose(dir);
    return command && `already installed (${command.join(" ")})`;
  },

  async download(context) {
    try {
      const program = await goBuild(
        {
          // goBuild reads recipes under lab/build/go; this one is only for the figures.
          recipe: "../../bench/compose",
          main: "github.com/docker/compose/v2/cmd",
          ldflags: `-X github.com/docker/compose/v2/internal.Version=v${COMPOSE}`,
        },
        context,
      );
      mkdirSync(join(context.dir, "bin"), { recursive: true });
      renameSync(program, join(context.dir, BINARY));
      await context.manifest.record(BINARY, COMPOSE, "built from Go modules");
      return "built from Go modules";
    } catch (error) {
      if (!canApt()) throw error;
      await aptInstall(["docker-compose"], context.progress);
      return "Debian's docker-compose, because it could not be built";
    }
  },
};
