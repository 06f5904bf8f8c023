/** Labels for states, releases, times and amounts. Pure. */
import type {
  Leftover,
  LeftoverChoice,
  Progress,
  ProjectState,
  ProjectView,
  Rollback,
  Usage,
} from "./model.ts";

/** A state's label. The symbol accompanies the colour, for people who can't tell colours apart. */
export interface StateLabel {
  readonly symbol: string;
  readonly word: string;
  /** Its colour. */
  readonly tone: "good" | "calm" | "idle" | "busy" | "bad";
}

const STATES: Record<ProjectState, StateLabel> = {
  running: { symbol: "●", word: "running", tone: "good" },
  asleep: { symbol: "☾", word: "asleep", tone: "calm" },
  "falling-asleep": { symbol: "☽", word: "falling asleep", tone: "calm" },
  waking: { symbol: "◓", word: "waking", tone: "busy" },
  waiting: { symbol: "◌", word: "waiting for its turn", tone: "busy" },
  parked: { symbol: "↺", word: "being restored", tone: "busy" },
  stopped: { symbol: "○", word: "stopped", tone: "idle" },
  starting: { symbol: "◐", word: "starting", tone: "busy" },
  cloning: { symbol: "↓", word: "cloning", tone: "busy" },
  "setting-up": { symbol: "◑", word: "setting up", tone: "busy" },
  pending: { symbol: "…", word: "pending", tone: "busy" },
  unhealthy: { symbol: "▲", word: "unhealthy", tone: "bad" },
  failed: { symbol: "✕", word: "failed", tone: "bad" },
};

/** A state's label; an unknown state of a newer server is shown as is. */
export const stateLabel = (state: string): StateLabel =>
  Object.hasOwn(STATES, state) ? STATES[state as ProjectState] : { symbol: "?", word: state, tone: "idle" };

/** A project's release, and how far its change to it is. */
export const releaseLabel = ({ release, upgrade }: Pick<ProjectView, "release" | "upgrade">): string =>
  upgrade === undefined ? `opencode ${release}` : `opencode ${release}: ${upgrade}`;

/** Names of sessions, at most `most`, and how many more there are. */
export function sessionNames(sessions: NonNullable<Rollback["left"]>, most = 10): string[] {
  const names = sessions.slice(0, most).map(({ title, id }) => title.trim() || id);
  return sessions.length > most ? [...names, `and ${sessions.length - most} more`] : names;
}

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
 * Formats the time since: "2 hours ago", "yesterday"; "just now" below a minute, or for a clock slightly ahead.
 * @returns undefined for an invalid time
 */
export function ago(at: string, now: number): string | undefined {
  const passed = now - Date.parse(at);
  if (Number.isNaN(passed)) return undefined;
  for (const [unit, length] of UNITS) {
    if (passed >= length) return relative.format(-Math.floor(passed / length), unit);
  }
  return "just now";
}

/** Formats for how long something has been so: "for 2 hours", "for 3 days"; empty below a minute, or for an invalid time. */
export function howLong(since: string, now: number): string {
  const passed = now - Date.parse(since);
  for (const [unit, length] of UNITS) {
    const count = Math.floor(passed / length);
    if (count >= 1) return `for ${count} ${unit}${count === 1 ? "" : "s"}`;
  }
  return "";
}

/** Formats a time in full, in the browser's time zone. */
export const exactTime = (at: string): string =>
  new Date(at).toLocaleString("en-GB", { dateStyle: "full", timeStyle: "long" });

/** Formats a duration: "8 s", "2 min 5 s". */
export function duration(milliseconds: number): string {
  const seconds = Math.max(0, Math.round(milliseconds / SECOND));
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  return minutes < 60
    ? `${minutes} min ${seconds % 60} s`
    : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** Formats with three digits at most, without trailing zeros. */
const toThreeDigits = (value: number): string =>
  value >= 100 ? String(Math.round(value)) : String(Number(value.toPrecision(value < 1 ? 2 : 3)));

/** Formats bytes in the units of projects.yaml: "612 MiB", "1.5 GiB". */
export function bytes(value: number): string {
  const mebibytes = value / 2 ** 20;
  if (mebibytes < 1) return value > 0 ? "under 1 MiB" : "0 MiB";
  return mebibytes >= 1024 ? `${toThreeDigits(mebibytes / 1024)} GiB` : `${toThreeDigits(mebibytes)} MiB`;
}

/** Formats processors: "0.12". */
export const cores = (value: number): string =>
  value < 0.005 ? "0" : toThreeDigits(Math.round(value * 100) / 100);

/** The question about what an earlier project of a name left behind, and its answers. */
export function leftoverWords(
  name: string,
  { bytes: size, lastUsed }: Pick<Leftover, "bytes" | "lastUsed">,
): { readonly question: string; readonly labels: Readonly<Record<LeftoverChoice, string>> } {
  const details = [
    ...(size === undefined ? [] : [bytes(size)]),
    ...(lastUsed === undefined ? [] : [`last used ${shortDate(lastUsed)}`]),
  ];
  const known = details.length > 0 ? ` (${details.join(", ")})` : "";
  return {
    question: `An earlier project ${name} left its sessions, settings and files behind${known}.`,
    labels: {
      keep: "Keep them: the new project has all of it, with whatever its agents wrote",
      anew: "Begin anew: the new project is empty, and what was left is set aside on the host",
    },
  };
}

/** Formats a time's day, in the browser's time zone. */
const shortDate = (at: string): string => new Date(at).toLocaleDateString("en-GB", { dateStyle: "long" });

/** A meter's text and value. */
export interface Meter {
  readonly text: string;
  /** 0 to 1; undefined without a limit. */
  readonly share: number | undefined;
  readonly level: "low" | "high" | "full";
}

const levelOf = (share: number): Meter["level"] => {
  if (share >= 0.95) return "full";
  return share >= 0.8 ? "high" : "low";
};

/** The meter for a usage. */
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
  "create-replacement": ["recreating", "recreated"],
  "delete-replaced": ["deleting the old", "deleted the old"],
  read: ["reading", "read"],
  refresh: ["checking", "checked"],
  same: ["checking", "unchanged"],
};

/** A step's label: "creating", "created", "creating failed". */
export function stepLabel({ op, status }: Pick<Progress, "op" | "status">): string {
  const [doing, did] = STEP_VERBS[op] ?? [op, op];
  if (status === "failed") return `${doing} failed`;
  return status === "done" ? did : doing;
}

/** A resource type's label: "docker container" for "docker:index/container:Container"; "random password" without a second "random". */
export function typeLabel(type: string): string {
  const parts = type.split(":");
  const kind = (parts.at(-1) ?? type).replace(/([a-z0-9])([A-Z])/g, "$1 $2").toLowerCase();
  const owner = parts[0] ?? "";
  const isRedundant = kind === owner || kind.startsWith(`${owner} `);
  return parts.length < 2 || owner === "pulumi" || isRedundant ? kind : `${owner} ${kind}`;
}
