import { type Deployment, list, record } from "../state/checkpoint.ts";

/** A run of the engine on a stack, as `pulumi stack history` tells it. */
export interface Run {
  /** `update`, `refresh`, `destroy`, `import` … */
  kind: string;
  succeeded: boolean;
  /** How many resources it made, new ones or in place of others. */
  created?: number;
  /** Milliseconds since 1970. */
  start: number;
  end: number;
}

/** A time in which the engine may have made things that the state does not know. */
export interface Window {
  from: number;
  to: number;
  /** Where it is known what was being made: that alone. */
  only?: readonly Creation[];
}

/** A resource that was being made when the engine was ended. */
export interface Creation {
  type: string;
  /** What it is called in its cloud, where its inputs say so. */
  name?: string;
}

/** A cloud may date something later than the engine stopped waiting for it; its clock and ours differ. */
const GRACE_MS = 5 * 60_000;
const SKEW_MS = 30_000;
/** Operations of the engine that make something in a cloud. */
const CREATE_OPERATIONS = ["create", "replace", "create-replacement"];

/** Parses what `pulumi stack history --json` prints, the newest first. A run without an end is taken to have ended as it began. */
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

/** The runs that did not succeed since the last update that did: that one has found everything in its place. */
export function failedRuns(runs: readonly Run[]): Run[] {
  const good = runs.findIndex(({ kind, succeeded }) => kind === "update" && succeeded);
  return (good < 0 ? runs : runs.slice(0, good)).filter(({ succeeded }) => !succeeded);
}

export const windowOf = ({ start, end }: Run): Window => ({ from: start - SKEW_MS, to: end + GRACE_MS });

/** The times in which something may have been made and forgotten: by runs that failed, and by an engine that was killed. */
export function suspectWindows(runs: readonly Run[], deployment: Deployment): Window[] {
  const killed = killedWindow(runs, deployment);
  return [...failedRuns(runs).map(windowOf), ...(killed ? [killed] : [])];
}

/**
 * A killed engine has written no history, but in the state what it was making. It began after the last run that has ended, and wrote
 * the state for the last time before it died.
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
