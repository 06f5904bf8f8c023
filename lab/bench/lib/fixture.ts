import type { Cleaning } from "./cleaning.ts";
import type { Compose } from "./compose.ts";
import type { Platform } from "./platform.ts";
import type { Comparison } from "./report.ts";

/** Environment of a figure. */
export interface Fixture {
  readonly platform: Platform;
  /** A platform of the `--before` release. */
  readonly before?: Platform | undefined;
  readonly compose: Compose;
  /** Cleanup for what a figure starts itself. */
  readonly cleaning: Cleaning;
  /** Runs of each way, after the warm-up. */
  readonly rounds: number;
}

/** A figure: what it measures, and at which numbers of projects. */
export interface FigureSpec {
  /** Name on the command line; figures with the same name are measured together. */
  readonly name: string;
  readonly title: string;
  readonly notes: readonly string[];
  /** Numbers of projects to measure at. */
  readonly sizes: readonly number[];
  /** Whether it needs the same services in Compose. */
  readonly beside: boolean;
  /** Whether its table shows differences besides ratios. */
  readonly added?: boolean;
  measure(fixture: Fixture, projects: number): Promise<Comparison[]>;
}

/** `1 project`, `10 projects`. */
export const projectsInWords = (count: number): string => `${count} project${count === 1 ? "" : "s"}`;
