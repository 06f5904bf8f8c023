/** How states, times and amounts are said. Pure. */
import type { Progress, ProjectState, Usage } from "./model.ts";

/** A state as shown: the symbol beside the word, so that no state is told by its colour alone. */
export interface StateLabel {
  readonly symbol: string;
  readonly word: string;
  /** Which colour it has. */
  readonly tone: "good" | "idle" | "busy" | "bad";
}

const STATES: Record<ProjectState, StateLabel> = {
  running: { symbol: "●", word: "running", tone: "good" },
  stopped: { symbol: "○", word: "stopped", tone: "idle" },
  starting: { symbol: "◐", word: "starting", tone: "busy" },
  cloning: { symbol: "↓", word: "cloning", tone: "busy" },
  pending: { symbol: "…", word: "pending", tone: "busy" },
  unhealthy: { symbol: "▲", word: "unhealthy", tone: "bad" },
  failed: { symbol: "✕", word: "failed", tone: "bad" },
};

/** The words of a state; one that a newer server knows is shown as it came. */
export const stateLabel = (state: string): StateLabel =>
  Object.hasOwn(STATES, state) ? STATES[state as ProjectState] : { symbol: "?", word: state, tone: "idle" };

const SECOND = 1000;
const UNITS: readonly (readonly [Intl.RelativeTimeFormatUnit, number])[] = [
  ["year", 365 * 24 * 3600 * SECOND],
  ["month", 30 * 24 * 3600 * SECOND],
  ["week", 7 * 24 * 3600 * SECOND],
  ["day", 24 * 3600 * SECOND],
  ["hour", 3600 * SECOND],
  ["minute", 60 * SECOND],
];
const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto" });

/**
 * How long ago something was: "2 hours ago", "yesterday"; "just now" under a minute, and for a clock that is a little ahead.
 * @returns undefined for what is no time
 */
export function ago(at: string, now: number): string | undefined {
  const passed = now - Date.parse(at);
  if (Number.isNaN(passed)) return undefined;
  for (const [unit, length] of UNITS) {
    if (passed >= length) return relative.format(-Math.floor(passed / length), unit);
  }
  return "just now";
}

/** A time in full, in the reader's own time zone. */
export const exactTime = (at: string): string =>
  new Date(at).toLocaleString("en-GB", { dateStyle: "full", timeStyle: "long" });

/** How long something took or takes: "8 s", "2 min 5 s". */
export function duration(milliseconds: number): string {
  const seconds = Math.max(0, Math.round(milliseconds / SECOND));
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  return minutes < 60
    ? `${minutes} min ${seconds % 60} s`
    : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** Three digits at most, with no zeros at the end. */
const toThreeDigits = (value: number): string =>
  value >= 100 ? String(Math.round(value)) : String(Number(value.toPrecision(value < 1 ? 2 : 3)));

/** Bytes, in the units that projects.yaml has: "612 MiB", "1.5 GiB". */
export function bytes(value: number): string {
  const mebibytes = value / 2 ** 20;
  if (mebibytes < 1) return value > 0 ? "under 1 MiB" : "0 MiB";
  return mebibytes >= 1024 ? `${toThreeDigits(mebibytes / 1024)} GiB` : `${toThreeDigits(mebibytes)} MiB`;
}

/** Processors in use: "0.12". */
export const cores = (value: number): string =>
  value < 0.005 ? "0" : toThreeDigits(Math.round(value * 100) / 100);

/** A meter as shown. */
export interface Meter {
  readonly text: string;
  /** 0 to 1; undefined where there is no limit to be measured against. */
  readonly share: number | undefined;
  readonly level: "low" | "high" | "full";
}

const levelOf = (share: number): Meter["level"] => {
  if (share >= 0.95) return "full";
  return share >= 0.8 ? "high" : "low";
};

/** The meter of what is used out of a limit. */
export function meter({ used, limit }: Usage, show: (value: number) => string): Meter {
  if (!(limit > 0)) return { text: show(used), share: undefined, level: "low" };
  const share = Math.min(1, Math.max(0, used / limit));
  return { text: `${show(used)} of ${show(limit)}`, share, level: levelOf(share) };
}

const STEP_VERBS: Record<string, readonly [string, string]> = {
  create: ["creating", "created"],
  update: ["changing", "changed"],
  delete: ["deleting", "deleted"],
  replace: ["replacing", "replaced"],
  "create-replacement": ["creating anew", "created anew"],
  "delete-replaced": ["deleting the old", "deleted the old"],
  read: ["reading", "read"],
  refresh: ["looking at", "looked at"],
  same: ["looking at", "unchanged"],
};

/** What a step does, in words: "creating", "created", "creating failed". */
export function stepLabel({ op, status }: Pick<Progress, "op" | "status">): string {
  const [doing, did] = STEP_VERBS[op] ?? [op, op];
  if (status === "failed") return `${doing} failed`;
  return status === "done" ? did : doing;
}

/** A resource's type with no path: "docker:index/container:Container" is a "docker container", and no "random random password". */
export function typeLabel(type: string): string {
  const parts = type.split(":");
  const kind = (parts.at(-1) ?? type).replace(/([a-z0-9])([A-Z])/g, "$1 $2").toLowerCase();
  const owner = parts[0] ?? "";
  const isRedundant = kind === owner || kind.startsWith(`${owner} `);
  return parts.length < 2 || owner === "pulumi" || isRedundant ? kind : `${owner} ${kind}`;
}
