import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";

/** A stack's state, as far as the scripts read it. */
export interface Deployment {
  resources: readonly Resource[];
  pending: readonly PendingOperation[];
  /** Time of the state's last write. */
  writtenAt?: string;
}

export interface Resource {
  urn: string;
  type: string;
  id?: string;
  inputs: Readonly<Record<string, unknown>>;
  outputs: Readonly<Record<string, unknown>>;
  /** `<URN of its provider>::<id of the provider>`. */
  provider?: string;
  /** The engine refuses to delete it. */
  isProtected: boolean;
  /** It has been replaced and is waiting for deletion. */
  isDoomed: boolean;
  createdAt?: string;
}

/** An operation that was running when the engine ended. */
export interface PendingOperation {
  resource: Resource;
  /** `creating`, `updating`, `deleting`, `reading` or `importing`. */
  type: string;
}

/** A Docker resource that an interrupted update may have left unfinished. */
export interface HalfMade {
  kind: "container" | "network";
  name: string;
}

const DOCKER_KINDS: Readonly<Record<string, HalfMade["kind"]>> = {
  "docker:index/container:Container": "container",
  "docker:index/network:Network": "network",
};

/** Reads a stack's state from a folder's backend; `undefined` if there is none. */
export function readDeployment(folder: string, project: string, stack: string): Deployment | undefined {
  const file = join(folder, ".pulumi", "stacks", project, `${stack}.json`);
  try {
    const text = existsSync(file) ? readFileSync(file) : gunzipSync(readFileSync(`${file}.gz`));
    return parseDeployment(JSON.parse(text.toString("utf8")));
  } catch {
    return undefined;
  }
}

/** Parses a checkpoint file or the output of `pulumi stack export`. */
export function parseDeployment(value: unknown): Deployment {
  const top = record(value);
  const latest = record(top.deployment ?? record(top.checkpoint).latest);
  const { time } = record(latest.manifest);
  return {
    ...(typeof time === "string" ? { writtenAt: time } : {}),
    resources: list(latest.resources).map(parseResource),
    pending: list(latest.pending_operations).map((operation) => ({
      resource: parseResource(record(operation).resource),
      type: String(record(operation).type ?? ""),
    })),
  };
}

/** Containers and networks that were being created: they may exist in Docker and not in the state. */
export function halfMade({ pending, resources }: Deployment): HalfMade[] {
  const known = new Set(resources.map(dockerName).filter(Boolean));
  const found = new Map<string, HalfMade>();
  for (const { resource, type } of pending) {
    const kind = DOCKER_KINDS[resource.type];
    const name = resource.inputs.name;
    if (type !== "creating" || !kind || typeof name !== "string") continue;
    const key = `${kind}/${name}`;
    if (!known.has(key)) found.set(key, { kind, name });
  }
  return [...found.values()];
}

/** Returns an exported state without its pending operations, for `pulumi stack import`. */
export function withoutPending(exported: unknown): unknown {
  const top = record(exported);
  const { pending_operations: _, ...deployment } = record(top.deployment);
  return { ...top, deployment };
}

/** Key and value that mark a secret in a state. */
const SIGNATURE = "4dabf18193072939515e22adb298388d";
const SECRET = "1b47061264138c4ac30d75fd1eb44270";

/**
 * The plain value of a state that was exported with its secrets; `undefined` for one that is still
 * encrypted.
 */
export function plainValue(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plainValue);
  if (typeof value !== "object" || value === null) return value;
  const { [SIGNATURE]: mark, plaintext } = value as Record<string, unknown>;
  if (mark === SECRET) return typeof plaintext === "string" ? plainValue(JSON.parse(plaintext)) : undefined;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, plainValue(each)]));
}

function dockerName({ type, outputs, inputs }: Resource): string | undefined {
  const kind = DOCKER_KINDS[type];
  const name = outputs.name ?? inputs.name;
  return kind && typeof name === "string" ? `${kind}/${name}` : undefined;
}

/** Parses one resource of a state. */
export function parseResource(value: unknown): Resource {
  const { urn, type, id, inputs, outputs, provider, protect, delete: doomed, created } = record(value);
  return {
    urn: String(urn ?? ""),
    type: String(type ?? ""),
    ...(typeof id === "string" ? { id } : {}),
    inputs: record(inputs),
    outputs: record(outputs),
    ...(typeof provider === "string" ? { provider } : {}),
    isProtected: protect === true,
    isDoomed: doomed === true,
    ...(typeof created === "string" ? { createdAt: created } : {}),
  };
}

export function record(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : {};
}

export const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);
