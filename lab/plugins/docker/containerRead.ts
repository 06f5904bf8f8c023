/** Converts the daemon's description of a container to properties. */
import { num, record, records, str, strings, texts } from "../shared/plain.ts";
import { isPlainProps, type Plain, type PlainProps } from "../shared/values.ts";
import { formatDuration } from "./duration.ts";
import { labelList } from "./labels.ts";

const MEBIBYTE = 1024 * 1024;
const NANO = 1e9;

function section(info: PlainProps, name: string): PlainProps {
  return record(info[name]) ?? {};
}

function toMebibytes(value: Plain | undefined): number {
  const bytes = num(value) ?? 0;
  return bytes > 0 ? Math.floor(bytes / MEBIBYTE) : bytes;
}

function healthcheck(config: PlainProps): PlainProps | undefined {
  const check = record(config.Healthcheck);
  if (check === undefined) return undefined;
  const duration = (value: Plain | undefined): string => formatDuration(num(value) ?? 0);
  return {
    tests: strings(check.Test),
    interval: duration(check.Interval),
    timeout: duration(check.Timeout),
    startPeriod: duration(check.StartPeriod),
    startInterval: duration(check.StartInterval),
    retries: num(check.Retries) ?? 0,
  };
}

function mounts(host: PlainProps): PlainProps[] {
  return records(host.Mounts).map((mount) => {
    const bind = record(mount.BindOptions);
    const volume = record(mount.VolumeOptions);
    const tmpfs = record(mount.TmpfsOptions);
    const driver = record(volume?.DriverConfig);
    const result: PlainProps = {
      target: str(mount.Target) ?? "",
      source: str(mount.Source) ?? "",
      type: str(mount.Type) ?? "",
      readOnly: mount.ReadOnly === true,
    };
    if (bind !== undefined) result.bindOptions = { propagation: str(bind.Propagation) ?? "" };
    if (tmpfs !== undefined) {
      result.tmpfsOptions = { sizeBytes: num(tmpfs.SizeBytes) ?? 0, mode: num(tmpfs.Mode) ?? 0 };
    }
    if (volume !== undefined) {
      result.volumeOptions = {
        noCopy: volume.NoCopy === true,
        labels: labelList(texts(volume.Labels)),
        driverName: str(driver?.Name) ?? "",
        driverOptions: texts(driver?.Options),
      };
    }
    return result;
  });
}

function ports(settings: PlainProps): PlainProps[] {
  return Object.entries(record(settings.Ports) ?? {})
    .sort(([left], [right]) => Number.parseInt(left, 10) - Number.parseInt(right, 10))
    .flatMap(([key, bindings]) => {
      const [internal = "", protocol = ""] = key.split("/");
      // Docker adds an IPv6 twin to a port on every address; the official plugin skips it too.
      const asked = records(bindings).filter(({ HostIp }) => HostIp !== "::");
      return asked.map((binding) => ({
        internal: Number(internal),
        external: Number(str(binding.HostPort) ?? 0),
        ip: str(binding.HostIp) ?? "",
        protocol,
      }));
    });
}

function networkDatas(settings: PlainProps): PlainProps[] {
  const networks = Object.entries(record(settings.Networks) ?? {}).sort(([left], [right]) =>
    left < right ? -1 : 1,
  );
  return networks.flatMap(([networkName, value]) => {
    if (!isPlainProps(value)) return [];
    return [
      {
        networkName,
        ipAddress: str(value.IPAddress) ?? "",
        ipPrefixLength: num(value.IPPrefixLen) ?? 0,
        gateway: str(value.Gateway) ?? "",
        globalIpv6Address: str(value.GlobalIPv6Address) ?? "",
        globalIpv6PrefixLength: num(value.GlobalIPv6PrefixLen) ?? 0,
        ipv6Gateway: str(value.IPv6Gateway) ?? "",
        macAddress: str(value.MacAddress) ?? "",
      },
    ];
  });
}

function fromConfig(config: PlainProps): PlainProps {
  return {
    hostname: str(config.Hostname) ?? "",
    domainname: str(config.Domainname) ?? "",
    command: strings(config.Cmd),
    entrypoints: typeof config.Entrypoint === "string" ? [config.Entrypoint] : strings(config.Entrypoint),
    user: str(config.User) ?? "",
    workingDir: str(config.WorkingDir) ?? "",
    tty: config.Tty === true,
    stdinOpen: config.OpenStdin === true,
    stopSignal: str(config.StopSignal) ?? "",
    stopTimeout: num(config.StopTimeout) ?? 0,
  };
}

function fromHost(host: PlainProps): PlainProps {
  const restart = record(host.RestartPolicy) ?? {};
  const [adds, drops] = [strings(host.CapAdd), strings(host.CapDrop)];
  return {
    ...(adds.length + drops.length > 0 ? { capabilities: { adds, drops } } : {}),
    rm: host.AutoRemove === true,
    readOnly: host.ReadonlyRootfs === true,
    dns: strings(host.Dns),
    dnsOpts: strings(host.DnsOptions),
    dnsSearches: strings(host.DnsSearch),
    securityOpts: strings(host.SecurityOpt),
    publishAllPorts: host.PublishAllPorts === true,
    restart: str(restart.Name) ?? "no",
    maxRetryCount: num(restart.MaximumRetryCount) ?? 0,
    init: host.Init === true,
    runtime: str(host.Runtime) ?? "",
    mounts: mounts(host),
    tmpfs: texts(host.Tmpfs),
    hosts: strings(host.ExtraHosts).map((entry) => {
      const [name = "", ...rest] = entry.split(":");
      return { host: name, ip: rest.join(":") };
    }),
    privileged: host.Privileged === true,
    memory: toMebibytes(host.Memory),
    memoryReservation: toMebibytes(host.MemoryReservation),
    memorySwap: toMebibytes(host.MemorySwap),
    shmSize: toMebibytes(host.ShmSize),
    cpuShares: num(host.CpuShares) ?? 0,
    cpuSet: str(host.CpusetCpus) ?? "",
    logDriver: str(record(host.LogConfig)?.Type) ?? "",
    storageOpts: texts(host.StorageOpt),
    networkMode: str(host.NetworkMode) ?? "",
    usernsMode: str(host.UsernsMode) ?? "",
    sysctls: texts(host.Sysctls),
    ipcMode: str(host.IpcMode) ?? "",
    groupAdds: strings(host.GroupAdd),
  };
}

/** A state has empty values for unset inputs. */
function isGiven(value: Plain | undefined): boolean {
  if (Array.isArray(value)) return value.length > 0;
  return isPlainProps(value) ? Object.keys(value).length > 0 : value !== undefined && value !== "";
}

/** Properties that are only read back if they were set. */
function whenAsked(info: PlainProps, known: PlainProps): PlainProps {
  const host = section(info, "HostConfig");
  const settings = section(info, "NetworkSettings");
  const result: PlainProps = {};
  const running = section(info, "State").Running === true;
  if (isGiven(known.ports) && (running || known.mustRun !== false)) result.ports = ports(settings);
  if (isGiven(known.ulimits)) {
    result.ulimits = records(host.Ulimits).map(({ Name, Soft, Hard }) => ({
      name: Name ?? "",
      soft: Soft ?? 0,
      hard: Hard ?? 0,
    }));
  }
  if (isGiven(known.devices)) {
    const withPath = new Set(
      records(known.devices).flatMap((device) => (device.containerPath ? [device.hostPath] : [])),
    );
    result.devices = records(host.Devices).map((device) => ({
      hostPath: device.PathOnHost ?? "",
      permissions: device.CgroupPermissions ?? "",
      ...(withPath.has(device.PathOnHost ?? null) ? { containerPath: device.PathInContainer ?? "" } : {}),
    }));
  }
  if (isGiven(known.logOpts)) result.logOpts = texts(record(host.LogConfig)?.Config);
  if (isGiven(known.pidMode)) result.pidMode = str(host.PidMode) ?? "";
  const nano = num(host.NanoCpus) ?? 0;
  if (nano > 0) result.cpus = cpusText(nano);
  const check = healthcheck(section(info, "Config"));
  if (check !== undefined) result.healthcheck = check;
  return result;
}

/** Properties that follow from the container's running state. */
function runState(info: PlainProps, known: PlainProps): PlainProps {
  const state = section(info, "State");
  if (state.Running === true) return {};
  // A stopped container with mustRun shows as a change, which starts it again.
  return { exitCode: num(state.ExitCode) ?? 0, ...(known.mustRun !== false ? { mustRun: false } : {}) };
}

/** The container's properties; `known` is the state, or only an id on import. */
export function liveContainer(info: PlainProps, known: PlainProps): PlainProps {
  const config = section(info, "Config");
  const settings = section(info, "NetworkSettings");
  const byId = str(known.image)?.startsWith("sha256:") === true;
  return {
    ...fromConfig(config),
    ...fromHost(section(info, "HostConfig")),
    ...whenAsked(info, known),
    ...runState(info, known),
    name: (str(info.Name) ?? "").replace(/^\//, ""),
    image: (byId ? str(info.Image) : str(config.Image)) ?? "",
    platform: str(info.Platform) ?? "",
    bridge: str(settings.Bridge) ?? "",
    networkDatas: networkDatas(settings),
  };
}

/**
 * In the official plugin's form: `1.0`, `1.5`, but also `10.`; with another form a program would always see a
 * change.
 */
export function cpusText(nano: number): string {
  const text = (nano / NANO).toFixed(9);
  return text.split("0").length - 1 === 9 ? (nano / NANO).toFixed(1) : text.replace(/0+$/, "");
}
