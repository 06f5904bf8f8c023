/** Types of projects' containers, as the panel shows them; its API's schemas satisfy these. */

/** Lines of a log that are kept and can be requested. */
export const MOST_LINES = 2000;

/**
 * `pending`: in projects.yaml, without a container yet. `asleep`: paused by the keeper until somebody asks for it. `waiting`: started with Docker, waits
 * for its turn. `parked`: stopped while its files are replaced, as by a restore.
 */
export const PROJECT_STATES = [
  "running",
  "stopped",
  "starting",
  "unhealthy",
  "cloning",
  "setting-up",
  "failed",
  "pending",
  "asleep",
  "waking",
  "falling-asleep",
  "waiting",
  "parked",
] as const;
export type ProjectState = (typeof PROJECT_STATES)[number];

export interface Usage {
  readonly used: number;
  readonly limit: number;
}

export interface LogLine {
  /** ISO 8601, from Docker. */
  at: string;
  /** `panel`: written by the panel itself. */
  stream: "stdout" | "stderr" | "panel";
  /** Plain text, without control characters. */
  text: string;
}

/** The fields of Docker's statistics that are used. */
export interface Stats {
  readonly memory_stats?: {
    readonly usage?: number;
    readonly limit?: number;
    readonly stats?: { readonly inactive_file?: number; readonly total_inactive_file?: number };
  };
  readonly cpu_stats?: CpuStats;
  readonly precpu_stats?: CpuStats;
}

export interface CpuStats {
  readonly cpu_usage?: { readonly total_usage?: number };
  readonly system_cpu_usage?: number;
  readonly online_cpus?: number;
}
