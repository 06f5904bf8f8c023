/** The properties of a container, and how each change is applied, as in the official plugin. */

import { records, str } from "../shared/plain.ts";
import type { Failure, Property, Schema } from "../shared/schema.ts";
import {
  computed,
  flag,
  integer,
  objects,
  replaced,
  text,
  textList,
  textMap,
  textSet,
} from "../shared/schema.ts";
import type { PlainProps } from "../shared/values.ts";
import { DURATION } from "./duration.ts";
import { labelsProperty } from "./labels.ts";

function notCovered(what: string, type: Property["type"] = "any"): Property {
  return {
    type,
    refused: `the stand-in docker plugin doesn't cover ${what}; install the official plugin to use it`,
  };
}

const duration: Property = { ...text, fallback: "0s", pattern: DURATION };

const mountFields: Schema = {
  target: { ...text, required: true },
  source: text,
  type: { ...text, required: true, pattern: /^(bind|volume|tmpfs)$/ },
  readOnly: flag,
  bindOptions: {
    type: "object",
    fields: { propagation: { ...text, pattern: /^(private|rprivate|shared|rshared|slave|rslave)$/ } },
  },
  volumeOptions: {
    type: "object",
    fields: {
      noCopy: flag,
      labels: labelsProperty,
      driverName: text,
      driverOptions: textMap,
      subpath: notCovered("volume subpaths"),
    },
  },
  tmpfsOptions: { type: "object", fields: { sizeBytes: integer, mode: integer } },
};

const volumeFields: Schema = {
  containerPath: text,
  fromContainer: text,
  hostPath: { ...text, pattern: /^([a-zA-Z]:[\\/]|\/)/ },
  readOnly: flag,
  selinuxRelabel: { ...text, pattern: /^(z|Z)$/ },
  volumeName: text,
};

const uploadFields: Schema = {
  content: text,
  contentBase64: { ...text, pattern: /^[A-Za-z0-9+/]*={0,2}$/ },
  executable: flag,
  file: { ...text, required: true },
  // The official plugin also accepts names, resolved where it runs; only numbers mean the same everywhere.
  group: { ...text, pattern: /^\d{1,10}$/ },
  owner: { ...text, pattern: /^\d{1,10}$/ },
  permissions: { ...text, pattern: /^0[0-7]{3}$/ },
  source: text,
  sourceHash: text,
};

const networkFields: Schema = {
  aliases: textSet,
  driverOpts: textSet,
  gwPriority: notCovered("gateway priorities", "integer"),
  ipv4Address: text,
  ipv6Address: text,
  linkLocalIps: textSet,
  macAddress: text,
  name: { ...text, required: true },
};

const portFields: Schema = {
  external: computed(integer),
  internal: { ...integer, required: true },
  ip: { ...text, fallback: "0.0.0.0" },
  protocol: { ...text, fallback: "tcp" },
};

/** Applied to the running container. */
const changedInPlace: Schema = {
  cpuSet: text,
  cpuShares: integer,
  maxRetryCount: integer,
  memory: integer,
  memoryReservation: integer,
  memorySwap: integer,
  mustRun: { ...flag, fallback: true },
  restart: { ...text, fallback: "no", pattern: /^(no|on-failure|always|unless-stopped)$/ },
};

/** Only recorded: used at creation or removal, or ignored by the official plugin. */
const recorded: Schema = {
  attach: flag,
  containerReadRefreshTimeoutMilliseconds: { ...integer, fallback: 15000 },
  cpuPeriod: integer,
  cpuQuota: integer,
  destroyGraceSeconds: integer,
  healthcheck: computed({
    type: "object",
    fields: {
      interval: duration,
      retries: integer,
      startInterval: duration,
      startPeriod: duration,
      tests: textList,
      timeout: duration,
    },
  }),
  init: computed(flag),
  logs: flag,
  removeVolumes: { ...flag, fallback: true },
  rm: flag,
  start: { ...flag, fallback: true },
  tmpfs: textMap,
  wait: flag,
  waitTimeout: { ...integer, fallback: 60 },
};

/** Fixed at creation. */
const fixed: Schema = {
  capabilities: { type: "object", fields: { adds: textSet, drops: textSet } },
  cgroupParent: text,
  cgroupnsMode: { ...text, pattern: /^(private|host)$/ },
  command: computed(textList),
  cpus: text,
  deviceCgroupRules: textSet,
  devices: objects({
    containerPath: text,
    hostPath: { ...text, required: true },
    permissions: { ...text, fallback: "rwm" },
  }),
  dns: textSet,
  dnsOpts: textSet,
  dnsSearches: textSet,
  domainname: text,
  entrypoints: computed(textList),
  envs: computed(textSet),
  groupAdds: textSet,
  hostname: computed(text),
  hosts: objects({ host: { ...text, required: true }, ip: { ...text, required: true } }),
  image: { ...text, required: true },
  ipcMode: computed(text),
  labels: computed(labelsProperty),
  logDriver: computed(text),
  logOpts: textMap,
  mounts: objects(mountFields),
  name: text,
  networkMode: { ...text, fallback: "bridge" },
  networksAdvanced: objects(networkFields),
  pidMode: text,
  platform: computed(text),
  ports: objects(portFields),
  privileged: flag,
  publishAllPorts: flag,
  readOnly: flag,
  runtime: computed(text),
  securityOpts: computed(textSet),
  shmSize: computed(integer),
  stdinOpen: flag,
  stopSignal: computed(text),
  stopTimeout: computed(integer),
  storageOpts: textMap,
  sysctls: textMap,
  tty: flag,
  ulimits: objects({
    hard: { ...integer, required: true },
    name: { ...text, required: true },
    soft: { ...integer, required: true },
  }),
  uploads: objects(uploadFields),
  user: { ...text, emptyKeeps: true },
  usernsMode: text,
  volumes: objects(volumeFields),
  workingDir: { ...text, emptyKeeps: true },
};

const refused: Schema = {
  deviceReadBps: notCovered("device throttling"),
  deviceReadIops: notCovered("device throttling"),
  deviceRequests: notCovered("device requests"),
  deviceWriteBps: notCovered("device throttling"),
  deviceWriteIops: notCovered("device throttling"),
  gpus: notCovered("GPUs"),
};

function allReplaced(schema: Schema): Schema {
  return Object.fromEntries(Object.entries(schema).map(([name, property]) => [name, replaced(property)]));
}

export const schema: Schema = { ...changedInPlace, ...recorded, ...allReplaced(fixed), ...refused };

/** Properties whose change updates the container. */
export const resourceProperties: readonly string[] = Object.keys(changedInPlace).filter(
  (name) => name !== "mustRun",
);

/** Properties that only exist once the container does, or are filled in then. */
export const outputs: readonly string[] = [
  "bridge",
  "containerLogs",
  "exitCode",
  "networkDatas",
  ...Object.entries(schema).flatMap(([name, { computed: filledIn }]) => (filledIn === true ? [name] : [])),
];

/** The official state's values for unset inputs (docker 5.2, read from one of its states). */
export const blanks: PlainProps = {
  attach: false,
  containerReadRefreshTimeoutMilliseconds: 15000,
  cpuSet: "",
  cpuShares: 0,
  deviceReadBps: [],
  deviceReadIops: [],
  deviceRequests: [],
  deviceWriteBps: [],
  deviceWriteIops: [],
  devices: [],
  envs: [],
  labels: [],
  logOpts: {},
  logs: false,
  mustRun: true,
  networksAdvanced: [],
  ports: [],
  removeVolumes: true,
  start: true,
  ulimits: [],
  uploads: [],
  volumes: [],
  wait: false,
  waitTimeout: 60,
};

/** Checks beyond the schema. */
export function validate(inputs: PlainProps): Failure[] {
  const failures: Failure[] = [];
  records(inputs.uploads).forEach((upload, index) => {
    const given = ["content", "contentBase64", "source"].filter((name) => str(upload[name]) !== undefined);
    if (given.length !== 1) {
      const reason = `exactly one of content, contentBase64 and source must be set, not ${given.length}`;
      failures.push({ property: `uploads[${index}]`, reason });
    }
  });
  records(inputs.volumes).forEach((volume, index) => {
    const from = str(volume.fromContainer) !== undefined;
    const path = str(volume.containerPath) !== undefined;
    if (from === path) {
      const reason = "set either containerPath or fromContainer";
      failures.push({ property: `volumes[${index}]`, reason });
    }
  });
  const cpus = str(inputs.cpus);
  if (cpus !== undefined && !/^\d+(\.\d{1,9})?$/.test(cpus)) {
    failures.push({ property: "cpus", reason: 'must be a number of CPUs, such as "1.5"' });
  }
  return failures;
}
