import { readdirSync, readFileSync } from "node:fs";
import { availableParallelism, cpus, homedir, release, totalmem, type } from "node:os";
import { join } from "node:path";
import { formatSize } from "../../config/sizes.ts";
import { docker } from "./docker.ts";
import type { Fixture } from "./fixture.ts";

/** What the figures were made on. */
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
    ["Language host and plugins", describePlugins()],
    ["Node", process.version],
    ["Date", new Date().toISOString().slice(0, 10)],
  ];
}

/** The official plugins are programs; the stand-ins are started by scripts. */
function describePlugins(): string {
  const plugins = join(process.env.PULUMI_HOME ?? join(homedir(), ".pulumi"), "plugins");
  const folder = readdirSync(plugins).find(
    (name) => name.startsWith("resource-docker-") && !name.includes(".l"),
  );
  if (!folder) return "unknown";
  const program = readFileSync(join(plugins, folder, "pulumi-resource-docker"));
  return program.subarray(0, 2).toString() === "#!" ? "stand-ins, in TypeScript" : "official";
}
