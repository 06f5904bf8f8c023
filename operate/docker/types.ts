/** What is known of projects' containers, as the panel shows it: its API's schemas satisfy these. */

/** Lines of a log that are kept and can be asked for. */
export const MOST_LINES = 2000;

/** `pending`: in projects.yaml, with no container yet. */
export type ProjectState =
  | "running"
  | "stopped"
  | "starting"
  | "unhealthy"
  | "cloning"
  | "failed"
  | "pending";

export interface Usage {
  readonly used: number;
  readonly limit: number;
}

export interface LogLine {
  /** ISO 8601, as Docker took the line. */
  at: string;
  /** `panel`: the panel itself. */
  stream: "stdout" | "stderr" | "panel";
  text: string;
}

/** Docker's statistics of a container, as far as they are used. */
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
