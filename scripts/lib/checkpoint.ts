import { readFileSync } from "node:fs";
import { join } from "node:path";

/** What the scripts read of a stack's state. */
export interface Deployment {
  resources: readonly Resource[];
  pending: readonly PendingOperation[];
}

export interface Resource {
  urn: string;
  type: string;
  id?: string;
  inputs: Readonly<Record<string, unknown>>;
  outputs: Readonly<Record<string, unknown>>;
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

/** Reads a stack's state as the file backend keeps it; `undefined` when there is none. */
export function readDeployment(stateDir: string, project: string, stack: string): Deployment | undefined {
  try {
    const file = join(stateDir, ".pulumi", "stacks", project, `${stack}.json`);
    return parseDeployment(JSON.parse(readFileSync(file, "utf8")));
  } catch {
    return undefined;
  }
}

/** Parses a checkpoint file, or what `pulumi stack export` prints. */
export function parseDeployment(value: unknown): Deployment {
  const top = record(value);
  const latest = record(top.deployment ?? record(top.checkpoint).latest);
  return {
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

/** Outputs of the stack itself. */
export function stackOutputs({ resources }: Deployment): Readonly<Record<string, unknown>> {
  return resources.find(({ type }) => type === "pulumi:pulumi:Stack")?.outputs ?? {};
}

function dockerName({ type, outputs, inputs }: Resource): string | undefined {
  const kind = DOCKER_KINDS[type];
  const name = outputs.name ?? inputs.name;
  return kind && typeof name === "string" ? `${kind}/${name}` : undefined;
}

function parseResource(value: unknown): Resource {
  const { urn, type, id, inputs, outputs } = record(value);
  return {
    urn: String(urn ?? ""),
    type: String(type ?? ""),
    ...(typeof id === "string" ? { id } : {}),
    inputs: record(inputs),
    outputs: record(outputs),
  };
}

function record(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : {};
}

const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);
