import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";

/** What the scripts read of a stack's state. */
export interface Deployment {
  resources: readonly Resource[];
  pending: readonly PendingOperation[];
  /** When the state was written last. */
  writtenAt?: string;
}

export interface Resource {
  urn: string;
  type: string;
  id?: string;
  inputs: Readonly<Record<string, unknown>>;
  outputs: Readonly<Record<string, unknown>>;
  /** `<URN of its provider>::<id of that>`. */
  provider?: string;
  /** The engine refuses to delete it. */
  isProtected: boolean;
  /** It has been replaced, and its old self is still to be deleted. */
  isDoomed: boolean;
  createdAt?: string;
}

/** Something that was being done when the engine was ended. */
export interface PendingOperation {
  resource: Resource;
  /** `creating`, `updating`, `deleting`, `reading` or `importing`. */
  type: string;
}

/** Something in Docker that an interrupted update may have left half made. */
export interface HalfMade {
  kind: "container" | "network";
  name: string;
}

const DOCKER_KINDS: Readonly<Record<string, HalfMade["kind"]>> = {
  "docker:index/container:Container": "container",
  "docker:index/network:Network": "network",
};

/** Reads a stack's state as a folder's backend keeps it; `undefined` when there is none. */
export function readDeployment(folder: string, project: string, stack: string): Deployment | undefined {
  const file = join(folder, ".pulumi", "stacks", project, `${stack}.json`);
  try {
    const text = existsSync(file) ? readFileSync(file) : gunzipSync(readFileSync(`${file}.gz`));
    return parseDeployment(JSON.parse(text.toString("utf8")));
  } catch {
    return undefined;
  }
}

/** Parses a checkpoint file, or what `pulumi stack export` prints. */
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

/** The containers and networks that were being created: they may exist in Docker while the state knows nothing of them. */
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

/** What an exported state is without its pending operations; it goes back with `pulumi stack import`. */
export function withoutPending(exported: unknown): unknown {
  const top = record(exported);
  const { pending_operations: _, ...deployment } = record(top.deployment);
  return { ...top, deployment };
}

/** How a state marks a secret, and that it is one. */
const SIGNATURE = "4dabf18193072939515e22adb298388d";
const SECRET = "1b47061264138c4ac30d75fd1eb44270";

/** A value of a state that was exported with its secrets, as the plain value; a secret that is still encrypted is `undefined`. */
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
