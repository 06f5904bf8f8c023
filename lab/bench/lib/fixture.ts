import type { Cleaning } from "./cleaning.ts";
import type { Compose } from "./compose.ts";
import type { Platform } from "./platform.ts";
import type { Comparison } from "./report.ts";

/** What a figure has to measure with. */
export interface Fixture {
  readonly platform: Platform;
  /** A platform of the release that `--before` gives. */
  readonly before?: Platform | undefined;
  readonly compose: Compose;
  /** Where a figure puts what it starts itself. */
  readonly cleaning: Cleaning;
  /** How often each way is measured, after the warm-up. */
  readonly rounds: number;
}

/** One figure: what it measures at which numbers of projects. */
export interface FigureSpec {
  /** What it is asked for by; figures of one name are measured together. */
  readonly name: string;
  readonly title: string;
  readonly notes: readonly string[];
  /** Numbers of projects at which it is measured. */
  readonly sizes: readonly number[];
  /** Whether the same services must be there under Compose. */
  readonly beside: boolean;
  /** Whether its table says how much more the others are than the first, besides how many times as much. */
  readonly added?: boolean;
  measure(fixture: Fixture, projects: number): Promise<Comparison[]>;
}

/** `1 project`, `10 projects`. */
export const projectsInWords = (count: number): string => `${count} project${count === 1 ? "" : "s"}`;
