import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PLATFORM_LABEL } from "../../../config/naming/names.ts";
import { type ExecResult, exec, lastLines, mustExec } from "../../../toolchain/lib/exec.ts";
import { toolchainDir } from "../../../toolchain/paths.ts";
import type { Cleaning } from "./cleaning.ts";
import { composeFile, idle, type Service, serviceOf } from "./compose-file.ts";
import { findCompose } from "./compose-part.ts";
import { docker, inspect, untilContainersHealthy } from "./docker.ts";
import { type Platform, projectName, RUNNING } from "./platform.ts";

const PROJECT = "bench-compose";

/** The platform's services, run by Docker Compose next to it. */
export class Compose {
  private readonly folder = mkdtempSync(join(tmpdir(), "opencode-platform-compose-"));
  private readonly command: readonly string[];
  private readonly platform: Platform;
  private size = -1;

  private constructor(platform: Platform, command: readonly string[]) {
    this.platform = platform;
    this.command = command;
  }

  static async create(root: string, platform: Platform, cleaning: Cleaning): Promise<Compose> {
    const command = await findCompose(toolchainDir(root));
    if (!command) throw new Error("Docker Compose is not installed");
    const compose = new Compose(platform, command);
    cleaning.add(() => compose.remove());
    return compose;
  }

  async version(): Promise<string> {
    const [command = "", ...args] = this.command;
    const text = await mustExec(command, [...args, "version"], { stopsGracefully: true });
    return (text.split("\n")[0] ?? "").trim();
  }

  /** Runs `docker compose up -d` with one of the files. */
  async up(file: string): Promise<void> {
    await this.run(file, ["up", "-d", "--remove-orphans"]);
  }

  /** Runs an update that must be a no-op. */
  async noop(): Promise<void> {
    const { stderr, stdout } = await this.run("compose.json", ["up", "-d", "--remove-orphans"]);
    if (/\b(Created|Started|Recreated|Removed)\b/.test(stderr + stdout))
      throw new Error(`not a no-op:\n${stderr}`);
  }

  /** Creates the platform's services at this size, and writes the files for it and for one more project. */
  async scale(count: number): Promise<void> {
    if (this.size === count) return;
    const { names } = this.platform;
    const projects = Array.from({ length: count }, (_, index) => names.project(projectName(index + 1)));
    const containers = await inspect(names.traefik, names.notice, ...projects);
    const services = containers.map((container, index) => {
      const service = serviceOf(container, (text) => this.adapt(text));
      return index >= 2 + RUNNING ? idle(service) : service;
    });
    for (const [index, name] of projects.slice(0, RUNNING).entries()) {
      const service = services[2 + index];
      if (service) services[2 + index] = await this.withFiles(service, name, projectName(index + 1));
    }
    this.write("compose.json", services);
    if (count > 0) this.write("compose.added.json", [...services, await this.extra("added")]);
    await this.up("compose.json");
    await untilContainersHealthy(services.slice(2, 2 + RUNNING).map((service) => service.container_name));
    this.size = count;
  }

  /** A service like the first project's, with another name and directories of its own. */
  async extra(name: string): Promise<Service> {
    const first = projectName(1);
    const original = this.platform.names.project(first);
    const [container] = await inspect(original);
    if (!container) throw new Error(`${original} not found`);
    const word = new RegExp(`\\b${first}(?![a-z0-9])`, "g");
    const service = serviceOf(container, (text) => this.adapt(text.replace(word, name)));
    return this.withFiles({ ...service, hostname: name }, original, name);
  }

  /** Removes everything, also after a failure. */
  private async remove(): Promise<void> {
    const ids = await docker("ps", "-aq", "--filter", `label=com.docker.compose.project=${PROJECT}`);
    const containers = ids.split("\n").filter(Boolean);
    if (containers.length > 0) await docker("rm", "-f", ...containers);
    const networks = await docker(
      "network",
      "ls",
      "-q",
      "--filter",
      `label=com.docker.compose.project=${PROJECT}`,
    );
    for (const network of networks.split("\n").filter(Boolean)) await docker("network", "rm", network);
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** Replaces names, port and directories that must be unique. */
  private adapt(text: string): string {
    const { names, port, folder } = this.platform;
    return text
      .replaceAll(`${names.prefix}-`, `${names.prefix}-compose-`)
      .replace(new RegExp(`^${names.prefix}$`), `${names.prefix}-compose`)
      .replaceAll(`\`${names.prefix}\``, `\`${names.prefix}-compose\``)
      .replaceAll(`127.0.0.1:${port}`, `127.0.0.1:${port + 1}`)
      .replaceAll(`${folder}/.workspaces`, `${this.folder}/workspaces`);
  }

  /** Mounts the files that the platform uploads into a container, and the container's directories. */
  private async withFiles(service: Service, original: string, name: string): Promise<Service> {
    const secrets = join(this.folder, "run", name);
    mkdirSync(join(this.folder, "run"), { recursive: true });
    await docker("cp", "-a", `${original}:/run/opencode`, secrets);
    const directories = service.volumes.map((volume) => volume.split(":")[0] ?? "");
    const own = [secrets, ...directories.filter((directory) => directory.startsWith(this.folder))];
    for (const directory of own) mkdirSync(directory, { recursive: true });
    // As in components/host/host.ts: if root runs the update, the containers' user is 1000.
    if (process.getuid?.() === 0)
      await mustExec("chown", ["-R", "1000:1000", ...own], { stopsGracefully: true });
    return { ...service, volumes: [...service.volumes, `${secrets}:/run/opencode:ro`] };
  }

  private write(file: string, services: readonly Service[]): void {
    writeFileSync(join(this.folder, file), JSON.stringify(composeFile(services, PLATFORM_LABEL)));
  }

  private async run(file: string, args: readonly string[]): Promise<ExecResult> {
    const [command = "", ...first] = this.command;
    const given = [...first, "-p", PROJECT, "-f", join(this.folder, file), ...args];
    const result = await exec(command, given, { stopsGracefully: true });
    if (result.code === 0) return result;
    throw new Error(
      `${this.command.join(" ")} ${args.join(" ")} ended with ${result.code}:\n${lastLines(result.stderr, 15)}`,
    );
  }
}
