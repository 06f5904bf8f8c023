/** Converts a container's inputs to the daemon's request. */
import { readFileSync } from "node:fs";
import type { ContainerCreateOptions, HostConfig } from "dockerode";
import { bool, compact, num, record, records, str, strings, texts } from "../shared/plain.ts";
import type { TarEntry } from "../shared/tar.ts";
import type { Plain, PlainProps } from "../shared/values.ts";
import { parseDuration } from "./duration.ts";
import { labelMap } from "./labels.ts";

const MEBIBYTE = 1024 * 1024;
const NANO = 1e9;

function mebibytes(value: Plain | undefined): number | undefined {
  const amount = num(value);
  return amount === undefined || amount <= 0 ? amount : amount * MEBIBYTE;
}

function filled<T>(list: readonly T[]): readonly T[] | undefined {
  return list.length > 0 ? list : undefined;
}

function nanoseconds(value: Plain | undefined): number | undefined {
  const duration = str(value);
  return duration === undefined ? undefined : parseDuration(duration);
}

function healthcheck(value: Plain | undefined): object | undefined {
  const check = record(value);
  if (check === undefined) return undefined;
  return compact({
    Test: strings(check.tests),
    Interval: nanoseconds(check.interval),
    Timeout: nanoseconds(check.timeout),
    StartPeriod: nanoseconds(check.startPeriod),
    StartInterval: nanoseconds(check.startInterval) || undefined,
    Retries: num(check.retries),
  });
}

function mount(value: PlainProps): object {
  const bind = record(value.bindOptions);
  const volume = record(value.volumeOptions);
  const tmpfs = record(value.tmpfsOptions);
  const driver =
    volume &&
    compact({ Name: str(volume.driverName), Options: volume.driverOptions && texts(volume.driverOptions) });
  return compact({
    Type: str(value.type),
    Target: str(value.target),
    Source: str(value.source) ?? "",
    ReadOnly: bool(value.readOnly) ?? false,
    BindOptions: bind && { Propagation: str(bind.propagation) },
    VolumeOptions:
      volume &&
      compact({
        NoCopy: bool(volume.noCopy),
        Labels: volume.labels && labelMap(volume.labels),
        DriverConfig: driver && Object.keys(driver).length > 0 ? driver : undefined,
      }),
    TmpfsOptions: tmpfs && compact({ SizeBytes: num(tmpfs.sizeBytes), Mode: num(tmpfs.mode) }),
  });
}

interface Volumes {
  readonly paths: Record<string, object>;
  readonly binds: string[];
  readonly from: string[];
}

/** The daemon's three forms of `volumes`. */
export function volumesOf(value: Plain | undefined): Volumes {
  const volumes: Volumes = { paths: {}, binds: [], from: [] };
  for (const entry of records(value)) {
    const from = str(entry.fromContainer);
    const path = str(entry.containerPath) ?? "";
    if (from !== undefined) {
      volumes.from.push(from);
      continue;
    }
    volumes.paths[path] = {};
    const source = str(entry.hostPath) ?? str(entry.volumeName);
    const mode = [entry.readOnly === true ? "ro" : "rw", str(entry.selinuxRelabel)].filter(Boolean).join(",");
    if (source !== undefined) volumes.binds.push(`${source}:${path}:${mode}`);
  }
  return volumes;
}

interface Ports {
  readonly exposed: Record<string, object>;
  readonly bindings: Record<string, { HostIp: string; HostPort: string }[]>;
}

/** Exposed ports and their bindings. */
export function portsOf(value: Plain | undefined): Ports {
  const ports: Ports = { exposed: {}, bindings: {} };
  for (const entry of records(value)) {
    const key = `${num(entry.internal) ?? 0}/${str(entry.protocol) ?? "tcp"}`;
    ports.exposed[key] = {};
    const binding = { HostIp: str(entry.ip) ?? "0.0.0.0", HostPort: String(num(entry.external) ?? "") };
    ports.bindings[key] = [...(ports.bindings[key] ?? []), binding];
  }
  return ports;
}

/** Security options, one of which is a pair of settings. */
function security(value: Plain | undefined): Partial<HostConfig> {
  const options = strings(value);
  if (options.length === 0) return {};
  const unconfined = options.includes("systempaths=unconfined");
  return {
    SecurityOpt: options.filter((option) => option !== "systempaths=unconfined"),
    ...(unconfined ? { MaskedPaths: [], ReadonlyPaths: [] } : {}),
  };
}

/** Properties that can be changed on an existing container. */
export function updatable(inputs: PlainProps): Partial<HostConfig> {
  return compact({
    RestartPolicy: { Name: str(inputs.restart) ?? "no", MaximumRetryCount: num(inputs.maxRetryCount) ?? 0 },
    CpuShares: num(inputs.cpuShares),
    CpusetCpus: str(inputs.cpuSet),
    Memory: mebibytes(inputs.memory),
    MemoryReservation: mebibytes(inputs.memoryReservation),
    MemorySwap: mebibytes(inputs.memorySwap),
  });
}

function cpu(inputs: PlainProps): Partial<HostConfig> {
  const cpus = str(inputs.cpus);
  if (cpus !== undefined) return { NanoCpus: Math.round(Number(cpus) * NANO) };
  return compact({ CpuPeriod: num(inputs.cpuPeriod), CpuQuota: num(inputs.cpuQuota) });
}

function isolation(inputs: PlainProps): Partial<HostConfig> {
  const capabilities = record(inputs.capabilities) ?? {};
  return {
    ...security(inputs.securityOpts),
    ...compact({
      CapAdd: filled(strings(capabilities.adds)),
      CapDrop: filled(strings(capabilities.drops)),
      Privileged: bool(inputs.privileged),
      ReadonlyRootfs: bool(inputs.readOnly),
      PidMode: str(inputs.pidMode),
      IpcMode: str(inputs.ipcMode),
      UsernsMode: str(inputs.usernsMode),
      CgroupnsMode: str(inputs.cgroupnsMode),
      CgroupParent: str(inputs.cgroupParent),
      GroupAdd: strings(inputs.groupAdds),
      Sysctls: inputs.sysctls === undefined ? undefined : texts(inputs.sysctls),
    }),
  };
}

function devices(value: Plain | undefined): object[] {
  return records(value).map((device) => ({
    PathOnHost: str(device.hostPath),
    PathInContainer: str(device.containerPath) ?? str(device.hostPath),
    CgroupPermissions: str(device.permissions) ?? "rwm",
  }));
}

/** The host part of a container's configuration. */
export function hostConfig(inputs: PlainProps): HostConfig {
  const volumes = volumesOf(inputs.volumes);
  const ulimits = records(inputs.ulimits).map(({ name, soft, hard }) => ({
    Name: str(name) ?? "",
    Soft: num(soft) ?? 0,
    Hard: num(hard) ?? 0,
  }));
  const hosts = records(inputs.hosts).map(({ host, ip }) => `${str(host)}:${str(ip)}`);
  return {
    ...updatable(inputs),
    ...cpu(inputs),
    ...isolation(inputs),
    ...compact({
      AutoRemove: bool(inputs.rm),
      Binds: filled(volumes.binds),
      DeviceCgroupRules: filled(strings(inputs.deviceCgroupRules)),
      Devices: filled(devices(inputs.devices)),
      Dns: filled(strings(inputs.dns)),
      DnsOptions: filled(strings(inputs.dnsOpts)),
      DnsSearch: filled(strings(inputs.dnsSearches)),
      ExtraHosts: filled(hosts),
      Init: bool(inputs.init) ?? false,
      LogConfig: { Type: str(inputs.logDriver) ?? "", Config: texts(inputs.logOpts) },
      Mounts: filled(records(inputs.mounts).map(mount)),
      NetworkMode: str(inputs.networkMode) ?? "bridge",
      PortBindings: portsOf(inputs.ports).bindings,
      PublishAllPorts: bool(inputs.publishAllPorts),
      Runtime: str(inputs.runtime),
      ShmSize: mebibytes(inputs.shmSize),
      StorageOpt: inputs.storageOpts === undefined ? undefined : texts(inputs.storageOpts),
      Tmpfs: inputs.tmpfs === undefined ? undefined : texts(inputs.tmpfs),
      Ulimits: filled(ulimits),
      VolumesFrom: filled(volumes.from),
    }),
  } as HostConfig;
}

/** The whole request. */
export function createOptions(inputs: PlainProps): ContainerCreateOptions {
  return {
    HostConfig: hostConfig(inputs),
    ...compact({
      name: str(inputs.name),
      platform: str(inputs.platform),
      Cmd: filled(strings(inputs.command)),
      Domainname: str(inputs.domainname),
      Entrypoint: filled(strings(inputs.entrypoints)),
      Env: filled(strings(inputs.envs)),
      ExposedPorts: portsOf(inputs.ports).exposed,
      Healthcheck: healthcheck(inputs.healthcheck),
      Hostname: str(inputs.hostname),
      Image: str(inputs.image),
      Labels: labelMap(inputs.labels),
      OpenStdin: bool(inputs.stdinOpen),
      StopSignal: str(inputs.stopSignal),
      StopTimeout: num(inputs.stopTimeout),
      Tty: bool(inputs.tty),
      User: str(inputs.user),
      Volumes: volumesOf(inputs.volumes).paths,
      WorkingDir: str(inputs.workingDir),
    }),
  } as ContainerCreateOptions;
}

/** How the container joins one network. */
export function endpointConfig(network: PlainProps): object {
  const options = strings(network.driverOpts).map((option) => option.split(/=(.*)/s).slice(0, 2));
  return compact({
    Aliases: strings(network.aliases),
    IPAMConfig: compact({
      IPv4Address: str(network.ipv4Address),
      IPv6Address: str(network.ipv6Address),
      LinkLocalIPs: filled(strings(network.linkLocalIps)),
    }),
    MacAddress: str(network.macAddress),
    DriverOpts: options.length > 0 ? Object.fromEntries(options) : undefined,
  });
}

/** Files to upload into a new container; owned by root by default. */
export function uploadEntries(value: Plain | undefined): TarEntry[] {
  return records(value).map((upload) => {
    const permissions = str(upload.permissions);
    const fallback = upload.executable === true ? 0o744 : 0o644;
    return {
      path: (str(upload.file) ?? "").replace(/^\/+/, ""),
      mode: permissions === undefined ? fallback : Number.parseInt(permissions, 8),
      uid: Number(str(upload.owner) ?? 0),
      gid: Number(str(upload.group) ?? 0),
      content: uploadContent(upload),
      mtime: Math.floor(Date.now() / 1000),
    };
  });
}

function uploadContent(upload: PlainProps): Buffer {
  const source = str(upload.source);
  if (source !== undefined) return readFileSync(source);
  const encoded = str(upload.contentBase64);
  return encoded === undefined ? Buffer.from(str(upload.content) ?? "") : Buffer.from(encoded, "base64");
}
