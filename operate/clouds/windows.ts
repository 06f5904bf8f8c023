import { type Deployment, list, record } from "../state/checkpoint.ts";

/** A run of the engine on a stack, from `pulumi stack history`. */
export interface Run {
  /** `update`, `refresh`, `destroy`, `import` … */
  kind: string;
  succeeded: boolean;
  /** Number of resources created, including replacements. */
  created?: number;
  /** Milliseconds since 1970. */
  start: number;
  end: number;
}

/** A period in which the engine may have created resources that are not in the state. */
export interface Window {
  from: number;
  to: number;
  /** The only resources that were being created, where known. */
  only?: readonly Creation[];
}

/** A resource that was being created when the engine ended. */
export interface Creation {
  type: string;
  /** Its name in the cloud, where its inputs have one. */
  name?: string;
}

/** Allowance for clock differences, and for resources dated after the engine stopped waiting. */
const GRACE_MS = 5 * 60_000;
const SKEW_MS = 30_000;
/** Operations of the engine that create a resource. */
const CREATE_OPERATIONS = ["create", "replace", "create-replacement"];

/** Parses `pulumi stack history --json`, newest first. A run without an end gets its start as its end. */
export function parseHistory(value: unknown): Run[] {
  return list(value)
    .map((entry) => {
      const { kind, result, startTime, endTime, resourceChanges } = record(entry);
      const start = Date.parse(String(startTime ?? ""));
      const end = Date.parse(String(endTime ?? ""));
      return {
        kind: String(kind ?? ""),
        succeeded: result === "succeeded",
        created: CREATE_OPERATIONS.reduce((sum, op) => sum + Number(record(resourceChanges)[op] ?? 0), 0),
        start,
        end: Number.isNaN(end) ? start : Math.max(start, end),
      };
    })
    .filter(({ start }) => !Number.isNaN(start))
    .sort((a, b) => b.start - a.start);
}

/** Failed runs since the last successful update: that one found everything in place. */
export function failedRuns(runs: readonly Run[]): Run[] {
  const good = runs.findIndex(({ kind, succeeded }) => kind === "update" && succeeded);
  return (good < 0 ? runs : runs.slice(0, good)).filter(({ succeeded }) => !succeeded);
}

export const windowOf = ({ start, end }: Run): Window => ({ from: start - SKEW_MS, to: end + GRACE_MS });

/** Periods in which a resource may have been created and lost: by failed runs, and by a killed engine. */
export function suspectWindows(runs: readonly Run[], deployment: Deployment): Window[] {
  const killed = killedWindow(runs, deployment);
  return [...failedRuns(runs).map(windowOf), ...(killed ? [killed] : [])];
}

/**
 * A killed engine leaves no history, only pending operations in the state. The window starts at the end of
 * the last finished run and ends at the state's last write.
 */
function killedWindow(
  runs: readonly Run[],
  { pending, resources, writtenAt }: Deployment,
): Window | undefined {
  const only = pending.filter(({ type }) => type === "creating").map(({ resource }) => creationOf(resource));
  const to = Date.parse(writtenAt ?? "");
  if (only.length === 0 || Number.isNaN(to)) return undefined;
  const ends = runs.filter(({ kind }) => kind === "update" || kind === "destroy").map(({ end }) => end);
  const firsts = resources
    .map(({ createdAt }) => Date.parse(createdAt ?? ""))
    .filter((time) => !Number.isNaN(time));
  const from = ends.length > 0 ? Math.max(...ends) : Math.min(to, ...firsts);
  return { from: from - SKEW_MS, to: to + GRACE_MS, only };
}

function creationOf({ type, inputs }: { type: string; inputs: Readonly<Record<string, unknown>> }): Creation {
  return { type, ...(typeof inputs.name === "string" ? { name: inputs.name } : {}) };
}
