import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { pathToFileURL } from "node:url";
import { makeNames, type Names, PLATFORM_LABEL } from "../../../config/naming/names.ts";
import { localUrls } from "../../../config/naming/urls.ts";
import { settingKey } from "../../../config/stack/settings.ts";
import { type ExecResult, exec, lastLines } from "../../../toolchain/lib/exec.ts";
import { findPulumi } from "../../../toolchain/parts/pulumi.ts";
import { toolchainDir } from "../../../toolchain/paths.ts";
import type { Cleaning } from "./cleaning.ts";
import { docker, labelled, untilContainersHealthy } from "./docker.ts";
import { freePort } from "./http.ts";

/** The files of the checkout that make up the program, the commands and the panel. */
const PROGRAM = [
  "index.ts",
  "components",
  "config",
  "opencode",
  "Pulumi.yaml",
  "package.json",
  "toolchain",
  "lab",
];
const COMMANDS = ["scripts", "operate", "panel"];
const PASSPHRASE = "bench";
/** Number of running projects; stopped ones cost the engine the same. */
export const RUNNING = 2;
const PREFIX = "bench";
/** Makes the copied program record its CPU time in milliseconds. */
const METER = `
import { writeFileSync as write } from "node:fs";
process.on("exit", () => {
  const { user, system } = process.cpuUsage();
  if (process.env.BENCH_PROCESSOR_TIME) write(process.env.BENCH_PROCESSOR_TIME, String((user + system) / 1000));
});
`;

export const projectName = (index: number): string => `p${String(index).padStart(2, "0")}`;

/** projects.yaml with `count` projects, of which the first `running` run, and the `added` ones; `revision` is in the last one's environment. */
export function projectsFile(
  count: number,
  added: readonly string[] = [],
  revision?: string,
  running = RUNNING,
): string {
  const entries = Array.from({ length: count }, (_, index) => ({
    name: projectName(index + 1),
    state: index < running ? "running" : "stopped",
    ...(revision && index === count - 1 ? { env: { REVISION: revision } } : {}),
  }));
  const all = [...entries, ...added.map((name) => ({ name, state: "running" }))];
  return JSON.stringify({
    defaults: {
      resources: { memory: "1GiB", cpus: 1, pids: 512 },
      network: { allow: ["internet", `host:${MODEL_PORT}`] },
    },
    limits: { maxProjects: 100 },
    projects: all,
  });
}

/** Where the stand-in model listens, which projects may reach. */
export const MODEL_PORT = 14_180;

/**
 * A stack for the figures on a copy of the program, with its own state, names and port. The user's stack is
 * not touched.
 */
export class Platform {
  readonly names: Names;
  readonly folder = mkdtempSync(join(tmpdir(), "opencode-platform-figures-"));
  readonly port: number;
  readonly panelPort: number;
  readonly urls;
  readonly env: NodeJS.ProcessEnv;
  private readonly binary: string;
  private size = -1;

  private constructor(
    root: string,
    binary: string,
    prefix: string,
    variables: NodeJS.ProcessEnv,
    ports: { readonly gateway: number; readonly panel: number },
  ) {
    this.binary = binary;
    this.names = makeNames(prefix);
    this.port = ports.gateway;
    this.panelPort = ports.panel;
    this.urls = localUrls({ port: this.port, localDomain: "localhost" });
    // An earlier release may lack some.
    for (const path of [...PROGRAM, ...COMMANDS].filter((path) => existsSync(join(root, path))))
      cpSync(join(root, path), join(this.folder, path), { recursive: true });
    symlinkSync(join(root, "node_modules"), join(this.folder, "node_modules"));
    appendFileSync(join(this.folder, "index.ts"), METER);
    mkdirSync(join(this.folder, ".state"));
    // The commands and the panel read it from there.
    writeFileSync(join(this.folder, ".state", "passphrase"), PASSPHRASE, { mode: 0o600 });
    const { PULUMI_CONFIG_PASSPHRASE_FILE: _, ...env } = process.env;
    this.env = {
      ...env,
      PULUMI_BACKEND_URL: pathToFileURL(join(this.folder, ".state")).href,
      PULUMI_CONFIG_PASSPHRASE: PASSPHRASE,
      PULUMI_STACK: "local",
      PULUMI_SKIP_UPDATE_CHECK: "true",
      ...variables,
      BENCH_PROCESSOR_TIME: join(this.folder, ".state", "processor-time"),
    };
  }

  /** Uses this checkout's way to run the engine. */
  static create(root: string, cleaning: Cleaning): Promise<Platform> {
    const toolchain = toolchainDir(root);
    const variables = { OPENCODE_PLATFORM_TOOLCHAIN: toolchain, PULUMI_PARALLEL_DIFF: "true" };
    return Platform.make(root, PREFIX, toolchain, variables, cleaning);
  }

  /** Uses a checkout of another release with its own toolchain. */
  static before(root: string, cleaning: Cleaning): Promise<Platform> {
    const toolchain = join(root, ".toolchain");
    const path = [join(root, "node_modules", ".bin"), join(toolchain, "bin"), process.env.PATH];
    const variables = {
      OPENCODE_PLATFORM_TOOLCHAIN: toolchain,
      PULUMI_HOME: join(toolchain, "pulumi-home"),
      PATH: path.join(delimiter),
    };
    return Platform.make(root, `${PREFIX}-before`, toolchain, variables, cleaning);
  }

  private static async make(
    root: string,
    prefix: string,
    toolchain: string,
    variables: NodeJS.ProcessEnv,
    cleaning: Cleaning,
  ): Promise<Platform> {
    const found = await findPulumi(toolchain);
    if (!found) throw new Error(`pulumi is not installed in ${toolchain}: run npm start`);
    const platform = new Platform(root, found.path, prefix, variables, {
      gateway: await freePort(),
      panel: await freePort(),
    });
    cleaning.add(() => platform.remove());
    await platform.pulumi(["stack", "init", "local", "--secrets-provider", "passphrase"]);
    const settings = {
      namePrefix: prefix,
      port: platform.port,
      "panel.port": platform.panelPort,
      // In the copy, which is removed as a whole.
      workspacesDir: ".workspaces",
    };
    for (const [key, value] of Object.entries(settings))
      await platform.pulumi(["config", "set", "--path", settingKey(key), String(value)]);
    return platform;
  }

  /** Runs the CLI in the copy. */
  async pulumi(args: readonly string[]): Promise<ExecResult> {
    return this.run(`pulumi ${args.join(" ")}`, this.binary, args);
  }

  /** Runs `npm start` in the copy, without npm and the launcher. */
  start(): Promise<ExecResult> {
    return this.run("npm start", process.execPath, [join(this.folder, "scripts", "start.ts")]);
  }

  private async run(what: string, command: string, args: readonly string[]): Promise<ExecResult> {
    const result = await exec(command, args, { cwd: this.folder, env: this.env, stopsGracefully: true });
    if (result.code === 0) return result;
    const [, diagnostics = result.stdout + result.stderr] =
      /^(Diagnostics:.*?)^Outputs:/ms.exec(result.stdout) ?? [];
    throw new Error(`${what} ended with ${result.code}:\n${lastLines(diagnostics, 20)}`);
  }

  /** Runs an update like `npm start`, without a preview. */
  up(...flags: readonly string[]): Promise<ExecResult> {
    return this.pulumi(["up", "--yes", "--non-interactive", "--skip-preview", "--color=never", ...flags]);
  }

  /** Runs an update that must be a no-op. */
  async noop(...flags: readonly string[]): Promise<ExecResult> {
    const result = await this.pulumi(["up", "--yes", "--non-interactive", "--color=never", ...flags]);
    if (/\b(created|updated|replaced|deleted)\b/.test(result.stdout))
      throw new Error(`not a no-op:\n${result.stdout}`);
    return result;
  }

  declare(count: number, added: readonly string[] = [], revision?: string): void {
    writeFileSync(join(this.folder, "projects.yaml"), projectsFile(count, added, revision));
  }

  /** The same, of which the first `running` projects run. */
  declareRunning(count: number, running: number): void {
    writeFileSync(join(this.folder, "projects.yaml"), projectsFile(count, [], undefined, running));
  }

  /** Runs `npm run apply -- <name>` in the copy, without npm and the launcher. */
  apply(name: string): Promise<ExecResult> {
    return this.run("npm run apply", process.execPath, [join(this.folder, "scripts", "apply.ts"), name]);
  }

  /** Milliseconds of CPU time that the program used in the last update. */
  programTime(): number {
    return Number(readFileSync(this.env.BENCH_PROCESSOR_TIME ?? "", "utf8"));
  }

  /** Names of the running projects at a size. */
  running(count: number): string[] {
    return Array.from({ length: Math.min(count, RUNNING) }, (_, index) => projectName(index + 1));
  }

  /** Scales the platform to `count` projects. */
  async scale(count: number): Promise<void> {
    if (this.size === count) return;
    this.declare(count);
    await this.up();
    // Their start must not affect the next measurement.
    if (count > 0) await untilContainersHealthy(this.running(count).map(this.names.project));
    this.size = count;
  }

  /** The `Authorization` header for a project's opencode, from Traefik's route file. */
  authorization(project: string): string {
    const file = join(this.folder, ".runtime", "routes", `${project}.yml`);
    const [value] = /Basic [\w+/=]+/.exec(readFileSync(file, "utf8")) ?? [];
    if (!value) throw new Error(`${file} has no Authorization header`);
    return value;
  }

  /** Removes everything, also after a failure. */
  private async remove(): Promise<void> {
    const label = `${PLATFORM_LABEL}=${this.names.prefix}`;
    const containers = await labelled("container", label);
    if (containers.length > 0) await docker("rm", "-f", ...containers);
    for (const network of await labelled("network", label)) await docker("network", "rm", network);
    // By tag, as removing by id would affect other stacks that share the layers.
    const tags = (await docker("images", "--format", "{{.Repository}}:{{.Tag}}", this.names.image)).split(
      "\n",
    );
    for (const tag of tags.filter(Boolean)) await docker("rmi", tag);
    if (existsSync(this.folder)) rmSync(this.folder, { recursive: true, force: true });
  }
}
