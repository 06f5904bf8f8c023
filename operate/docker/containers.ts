import { PLATFORM_LABEL, PROJECT_LABEL, SERVICE_LABEL } from "../../config/naming/names.ts";
import { plainText } from "../../config/text/plain.ts";
import { docker } from "../../toolchain/lib/docker.ts";
import type { ExecResult } from "../../toolchain/lib/exec.ts";

/** A container of the platform, as Docker reports it. */
export interface ContainerState {
  name: string;
  /** The project's name; empty for the platform's own containers, and for those of services. */
  project: string;
  /** Of a service's container: its name and its project's. */
  service?: { readonly project: string; readonly name: string };
  /** `running`, `exited`, `restarting` … */
  status: string;
  exitCode: number;
  /** `healthy`, `unhealthy`, `starting`; empty without a health check. */
  health: string;
  /** Output of the last health check, on one line; plain text. */
  healthLine: string;
  restarts: number;
  oomKilled: boolean;
  /** Limit in bytes; 0 for none. */
  memory: number;
  /** Limit in processors; 0 for none. */
  cpus: number;
  /** Highest number of processes; 0 for none. */
  pids: number;
  /** Names of its networks. */
  networks: string[];
}

/**
 * Runs the Docker client for a stack's host.
 * @param timeoutMs 0 for none. Default: 30 s
 * @param onLine receives each line of output as it arrives, where a client has that
 */
export type RunDocker = (
  args: readonly string[],
  timeoutMs?: number,
  onLine?: (line: string) => void,
) => Promise<ExecResult>;

/** Lists the containers with the prefix's label, or every platform's without a prefix. */
export function listContainers(env: NodeJS.ProcessEnv, prefix?: string): Promise<ContainerState[]> {
  return listContainersBy((args) => docker(args, env), prefix);
}

/** Lists containers through the given client: all of them, or a project's, with those of its services. */
export async function listContainersBy(
  run: RunDocker,
  prefix?: string,
  project?: string,
): Promise<ContainerState[]> {
  const labels = [
    `${PLATFORM_LABEL}${prefix ? `=${prefix}` : ""}`,
    ...(project ? [`${PROJECT_LABEL}=${project}`] : []),
  ];
  const filters = labels.flatMap((label) => ["--filter", `label=${label}`]);
  const ids = (await run(["ps", "--all", "--quiet", ...filters])).stdout.split(/\s+/).filter(Boolean);
  if (ids.length === 0) return [];
  const { stdout } = await run(["container", "inspect", ...ids]);
  return parseContainers(stdout).sort((a, b) => a.name.localeCompare(b.name));
}

/** A project's own container, without those of its services; undefined if there is none. */
export async function projectContainer(
  run: RunDocker,
  prefix: string,
  project: string,
): Promise<ContainerState | undefined> {
  return (await listContainersBy(run, prefix, project)).find(({ service }) => !service);
}

/** Parses `docker container inspect`. */
export function parseContainers(text: string): ContainerState[] {
  const parsed: unknown = JSON.parse(text || "[]");
  return Array.isArray(parsed) ? parsed.map(parseContainer) : [];
}

interface Inspected {
  Name?: string;
  RestartCount?: number;
  Config?: { Labels?: Record<string, string> };
  HostConfig?: {
    Memory?: number;
    NanoCpus?: number;
    CpuQuota?: number;
    CpuPeriod?: number;
    PidsLimit?: number | null;
  };
  NetworkSettings?: { Networks?: Record<string, unknown> | null };
  State?: {
    Status?: string;
    ExitCode?: number;
    OOMKilled?: boolean;
    Health?: Health | null;
  };
}

interface Health {
  Status?: string;
  Log?: { Output?: string; ExitCode?: number }[] | null;
}

/** Docker calls a container unhealthy from when it is paused until the next check, whatever the last one said: that counts. */
function healthOf(health: Health | null | undefined): string {
  const isUntold = health?.Status === "unhealthy" && health.Log?.at(-1)?.ExitCode === 0;
  return isUntold ? "healthy" : (health?.Status ?? "");
}

function parseContainer(container: Inspected): ContainerState {
  const { Name = "", RestartCount = 0, Config, HostConfig, NetworkSettings, State } = container;
  const { [PROJECT_LABEL]: project = "", [SERVICE_LABEL]: service } = Config?.Labels ?? {};
  return {
    name: Name.replace(/^\//, ""),
    ...(service ? { project: "", service: { project, name: service } } : { project }),
    status: State?.Status ?? "",
    exitCode: State?.ExitCode ?? 0,
    health: healthOf(State?.Health),
    healthLine: lastLine(State?.Health?.Log?.at(-1)?.Output ?? ""),
    restarts: RestartCount,
    oomKilled: State?.OOMKilled ?? false,
    memory: HostConfig?.Memory ?? 0,
    cpus: processors(HostConfig),
    pids: Math.max(HostConfig?.PidsLimit ?? 0, 0),
    networks: Object.keys(NetworkSettings?.Networks ?? {}).sort(),
  };
}

/** The project writes it: what it can't be trusted with is taken out here, for everything that shows it. */
const lastLine = (output: string): string => plainText(output).trim().split("\n").pop()?.trim() ?? "";

/** Docker's default period of a CPU quota, in microseconds. */
const DEFAULT_PERIOD = 100_000;

function processors({ NanoCpus = 0, CpuQuota = 0, CpuPeriod = 0 }: Inspected["HostConfig"] = {}): number {
  if (NanoCpus > 0) return NanoCpus / 1e9;
  return CpuQuota > 0 ? CpuQuota / (CpuPeriod || DEFAULT_PERIOD) : 0;
}
