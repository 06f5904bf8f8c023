import type { Series } from "./rounds.ts";
import { ratio, summarise } from "./stats.ts";

/** Several ways to do one thing, measured in turn. */
export interface Comparison {
  /** What was done: `no-op at 10 projects`. */
  readonly what: string;
  readonly unit: Unit;
  /** The others are compared with the first series. */
  readonly series: readonly Series[];
}

/**
 * How values are shown. Stored are milliseconds for times, bytes for sizes (memory) and weights (transfers).
 */
export type Unit = "time" | "size" | "weight" | "rate";

/** The results of one figure. */
export interface Figure {
  readonly title: string;
  /** How it was measured and how to read it, in Markdown. */
  readonly notes: readonly string[];
  readonly comparisons: readonly Comparison[];
  /** Whether the table has a column of differences. */
  readonly added?: boolean;
}

const HEAD = ["", "", "median", "min – max", "runs", "ratio"];
const ADDED = "added";

/** The rows of a figure: one per series; the ratio is always to the comparison's first. */
export function rows({ comparisons, added }: Pick<Figure, "comparisons" | "added">): string[][] {
  return comparisons.flatMap(({ what, unit, series }) =>
    series.map(({ name, values }, index) => {
      const { median, min, max, count } = summarise(values);
      const base = series[0]?.values ?? [];
      const times = series.length > 1 ? `${ratio(values, base).toFixed(2)}×` : "";
      const spread = `${format(min, unit)} – ${format(max, unit)}`;
      return [
        index === 0 ? what : "",
        name,
        format(median, unit),
        spread,
        String(count),
        index === 0 && times ? "1" : times,
        ...(added ? [index === 0 ? "" : format(median - summarise(base).median, unit)] : []),
      ];
    }),
  );
}

/** Formats a value: `840 ms`, `2.41 s`, `24.3 MiB`, `56.1 kB`, `1234/s`. */
export function format(value: number, unit: Unit): string {
  if (unit === "size") return `${(value / 2 ** 20).toFixed(1)} MiB`;
  if (unit === "weight") return `${(value / 1000).toFixed(1)} kB`;
  if (unit === "rate") return `${Math.round(value)}/s`;
  if (value >= 1000) return `${(value / 1000).toFixed(2)} s`;
  return `${value.toFixed(Math.abs(value) < 10 ? 2 : 0)} ms`;
}

/** A Markdown table with aligned columns, readable as plain text too. */
export function markdownTable(head: readonly string[], body: readonly (readonly string[])[]): string {
  const cells = [head, ...body].map((row) => row.map((cell) => cell.replaceAll("|", "\\|")));
  const widths = head.map((_, column) => Math.max(3, ...cells.map((row) => (row[column] ?? "").length)));
  const line = (row: readonly string[]) =>
    `| ${widths.map((width, column) => (row[column] ?? "").padEnd(width)).join(" | ")} |`;
  const rule = `| ${widths.map((width) => "-".repeat(width)).join(" | ")} |`;
  return [line(cells[0] ?? []), rule, ...cells.slice(1).map(line)].join("\n");
}

/** A figure as a section of lab/bench/RESULTS.md. */
export function section(figure: Figure): string {
  const table = markdownTable(figure.added ? [...HEAD, ADDED] : HEAD, rows(figure));
  return [`## ${figure.title}`, "", table, "", ...figure.notes.map((note) => `- ${note}`)].join("\n");
}

/** The whole text of lab/bench/RESULTS.md. */
export function results(
  machine: readonly (readonly [string, string])[],
  command: string,
  figures: readonly Figure[],
): string {
  return `${[
    "# Figures",
    `Made by \`${command}\`. Medians after one uncounted warm-up; the compared ways took turns (A B A B …) in one run. A figure only applies to this machine.`,
    markdownTable(["Machine", ""], machine),
    ...figures.map(section),
  ].join("\n\n")}\n`;
}

/** Replaces sections of lab/bench/RESULTS.md by newly measured figures, or appends them. */
export function withSections(text: string, figures: readonly Figure[], made: string): string {
  const parts = text.trimEnd().split(/\n\n(?=## )/);
  for (const figure of figures) {
    const alone = section({ ...figure, notes: [...figure.notes, made] });
    const at = parts.findIndex((part) => part.startsWith(`## ${figure.title}\n`));
    parts.splice(at < 0 ? parts.length : at, at < 0 ? 0 : 1, alone);
  }
  return `${parts.join("\n\n")}\n`;
}
