/** The platform's containers as services of Docker Compose, from `docker inspect`. */
import type { Inspected } from "./docker.ts";

/** The used fields of a service in a compose file. */
export interface Service {
  image: string;
  container_name: string;
  hostname?: string;
  entrypoint?: readonly string[];
  command?: readonly string[];
  environment: readonly string[];
  labels: Readonly<Record<string, string>>;
  volumes: readonly string[];
  network_mode?: string;
  networks?: readonly string[];
  mem_limit: number;
  memswap_limit: number;
  cpus?: number;
  pids_limit?: number;
  cap_add: readonly string[];
  cap_drop: readonly string[];
  security_opt: readonly string[];
  logging: { driver: string; options: Readonly<Record<string, string>> };
  restart: string;
  init: boolean;
  read_only: boolean;
  healthcheck?: Readonly<Record<string, unknown>>;
}

export interface ComposeFile {
  readonly version: string;
  readonly networks: Readonly<Record<string, unknown>>;
  readonly services: Readonly<Record<string, Service>>;
}

/** Turns a container into a service; `adapt` changes every text in it, such as names that must be unique. */
export function serviceOf({ Name, Config, HostConfig }: Inspected, adapt: (text: string) => string): Service {
  const hostNetwork = HostConfig.NetworkMode === "host";
  const service: Service = {
    image: Config.Image,
    container_name: adapt(Name.replace(/^\//, "")),
    ...(hostNetwork ? { network_mode: "host" } : { hostname: Config.Hostname, networks: ["platform"] }),
    ...(Config.Entrypoint ? { entrypoint: Config.Entrypoint } : {}),
    ...(Config.Cmd ? { command: Config.Cmd.map(adapt) } : {}),
    environment: (Config.Env ?? []).map(adapt),
    labels: Object.fromEntries(Object.entries(Config.Labels).map(([key, value]) => [key, adapt(value)])),
    volumes: (HostConfig.Binds ?? []).map(adapt),
    mem_limit: HostConfig.Memory,
    memswap_limit: HostConfig.MemorySwap,
    ...(HostConfig.CpuQuota ? { cpus: HostConfig.CpuQuota / HostConfig.CpuPeriod } : {}),
    ...(HostConfig.PidsLimit ? { pids_limit: HostConfig.PidsLimit } : {}),
    cap_add: HostConfig.CapAdd ?? [],
    cap_drop: HostConfig.CapDrop ?? [],
    security_opt: HostConfig.SecurityOpt ?? [],
    logging: { driver: HostConfig.LogConfig.Type, options: HostConfig.LogConfig.Config },
    restart: HostConfig.RestartPolicy.Name,
    init: HostConfig.Init ?? false,
    read_only: HostConfig.ReadonlyRootfs,
    ...healthcheckOf(Config),
  };
  return service;
}

function healthcheckOf({ Healthcheck }: Inspected["Config"]): Pick<Service, "healthcheck"> {
  if (!Healthcheck) return {};
  const { Test, Interval = 0, Timeout = 0, StartPeriod = 0, Retries } = Healthcheck;
  const seconds = (nanoseconds: number) => `${nanoseconds / 1e9}s`;
  return {
    healthcheck: {
      test: Test,
      interval: seconds(Interval),
      timeout: seconds(Timeout),
      start_period: seconds(StartPeriod),
      retries: Retries,
    },
  };
}

/** A stand-in for a stopped project: Compose has no stopped state, so the container runs idle. */
export function idle({ healthcheck: _, ...service }: Service): Service {
  return { ...service, entrypoint: ["sleep"], command: ["infinity"] };
}

/** The whole file. Compose reads `$` as the begin of a variable unless it is doubled. */
export function composeFile(services: readonly Service[], label: string): ComposeFile {
  const network = {
    driver: "bridge",
    driver_opts: { "com.docker.network.bridge.enable_icc": "false" },
    labels: { [label]: "compose" },
  };
  const doubled = (_: string, value: unknown) =>
    typeof value === "string" ? value.replaceAll("$", "$$$$") : value;
  const file = {
    // Required by Debian's 1.29, ignored by Compose 2.
    version: "2.4",
    networks: { platform: network },
    services: Object.fromEntries(services.map((service) => [service.container_name, service])),
  };
  return JSON.parse(JSON.stringify(file, doubled)) as ComposeFile;
}

/** The service as arguments of `docker run -d`. */
export function runArguments(service: Service, network: string): string[] {
  const each = (flag: string, values: readonly string[]) => values.flatMap((value) => [flag, value]);
  const health = (service.healthcheck ?? {}) as Record<string, string | readonly string[]>;
  const [entrypoint = "", ...args] = service.entrypoint ?? [];
  return [
    ...["--name", service.container_name, "--network", network, "--restart", service.restart],
    ...each("--env", service.environment),
    ...each(
      "--label",
      Object.entries(service.labels).map(([key, value]) => `${key}=${value}`),
    ),
    ...each("--volume", service.volumes),
    ...each("--cap-drop", service.cap_drop),
    ...each("--security-opt", service.security_opt),
    ...each(
      "--log-opt",
      Object.entries(service.logging.options).map(([key, value]) => `${key}=${value}`),
    ),
    ...["--memory", String(service.mem_limit), "--memory-swap", String(service.memswap_limit)],
    ...(service.cpus ? ["--cpus", String(service.cpus)] : []),
    ...(service.pids_limit ? ["--pids-limit", String(service.pids_limit)] : []),
    ...(service.init ? ["--init"] : []),
    ...(health.test
      ? ["--health-cmd", health.test.slice(1).toString(), "--health-interval", `${health.interval}`]
      : []),
    ...(entrypoint ? ["--entrypoint", entrypoint] : []),
    service.image,
    ...args,
    ...(service.command ?? []),
  ];
}
