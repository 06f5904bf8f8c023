import { availableParallelism, cpus, release, totalmem, type } from "node:os";
import { formatSize } from "../../../config/text/sizes.ts";
import { toolchain } from "../../../operate/engine/checkout.ts";
import { summarisePlugins } from "../../../toolchain/parts/plugins.ts";
import { docker } from "./docker.ts";
import type { Fixture } from "./fixture.ts";

/** Describes the machine of the measurements. */
export async function describeMachine({
  platform,
  compose,
}: Fixture): Promise<(readonly [string, string])[]> {
  const engine = (await docker("version", "--format", "{{.Server.Version}}")).trim();
  const storage = (await docker("info", "--format", "{{.Driver}}, cgroup v{{.CgroupVersion}}")).trim();
  const pulumi = (await platform.pulumi(["version"])).stdout.trim();
  return [
    ["CPU", `${cpus()[0]?.model ?? "unknown"}, ${availableParallelism()} cores`],
    ["Memory", formatSize(totalmem())],
    ["System", `${type()} ${release()}`],
    ["Docker Engine", `${engine} (${storage})`],
    ["Docker Compose", await compose.version()],
    ["Pulumi", pulumi],
    ["Plugins", await summarisePlugins(toolchain)],
    ["Node", process.version],
    ["Date", new Date().toISOString().slice(0, 10)],
  ];
}
