/**
 * Measures the figures and writes lab/bench/RESULTS.md. A quick try: `npm run bench -- noop --rounds 1
 * --largest 3`.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { loadavg } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { provision } from "../../toolchain/index.ts";
import { duration } from "../../toolchain/lib/words.ts";
import { add } from "./figures/add.ts";
import { attach } from "./figures/attach.ts";
import { latency } from "./figures/latency.ts";
import { majors } from "./figures/majors.ts";
import { memory } from "./figures/memory.ts";
import { noop } from "./figures/noop.ts";
import { panel } from "./figures/panel.ts";
import { phasesOfNoop } from "./figures/phases.ts";
import { previews } from "./figures/previews.ts";
import { sleeping } from "./figures/sleep.ts";
import { sleepers } from "./figures/sleepers.ts";
import { update } from "./figures/update.ts";
import { workspace } from "./figures/workspace.ts";
import { Cleaning } from "./lib/cleaning.ts";
import { Compose } from "./lib/compose.ts";
import { composePart } from "./lib/compose-part.ts";
import type { FigureSpec, Fixture } from "./lib/fixture.ts";
import { describeMachine } from "./lib/machine.ts";
import { Platform } from "./lib/platform.ts";
import { type Comparison, type Figure, results, withSections } from "./lib/report.ts";

const FIGURES: readonly FigureSpec[] = [
  noop,
  add,
  latency,
  attach,
  memory,
  phasesOfNoop,
  update,
  majors,
  previews,
  workspace,
  sleeping,
  sleepers,
  ...panel,
];
const NAMES = [...new Set(FIGURES.map(({ name }) => name))];
/** Projects of the largest figure. */
const LARGEST = Math.max(...FIGURES.flatMap(({ sizes }) => sizes));
/** Time for measuring processes to end after a signal. */
const ENDING_MS = 5000;
const root = join(import.meta.dirname, "../..");

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: "string", default: "5" },
    largest: { type: "string", default: String(LARGEST) },
    before: { type: "string" },
  },
});
// The update figure needs a checkout of another release.
const all = FIGURES.filter((figure) => figure !== update || values.before !== undefined);
const wanted = all.filter(({ name }) => positionals.length === 0 || positionals.includes(name));
const rounds = Number(values.rounds);
const largest = Number(values.largest);
const unknown = positionals.filter((name) => !all.some((figure) => figure.name === name));
if (unknown.length > 0 || !(rounds >= 1) || !(largest >= 1)) {
  console.error(
    `Usage: npm run bench -- [${NAMES.join("|")}] [--rounds n] [--largest n] [--before checkout]`,
  );
  process.exit(2);
}

await provision([composePart], { root, progress: "plain" });
const began = performance.now();
const cleaning = new Cleaning();
let isInterrupted = false;
const interrupted = new Promise<void>((resolve) => {
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
    process.on(signal, () => {
      isInterrupted = true;
      resolve();
    });
});
const measured = measure().catch((error: unknown) => {
  if (isInterrupted) return;
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
// The signal ends running commands, and usually the measurement; nothing may start during the cleanup.
await Promise.race([measured, interrupted.then(() => Promise.race([measured, sleep(ENDING_MS)]))]);
await cleaning.all();
// A figure that failed has left servers open.
process.exit(isInterrupted ? 130 : process.exitCode);

/** Measures, prints and stores the figures. */
async function measure(): Promise<void> {
  const platform = await Platform.create(root, cleaning);
  const compose = await Compose.create(root, platform, cleaning);
  const before = values.before ? await Platform.before(resolve(values.before), cleaning) : undefined;
  const fixture = { platform, before, compose, cleaning, rounds };
  const figures = await measureAll(fixture);
  const machine = await describeMachine(fixture);
  const command = [
    "npm run bench",
    ...(process.argv.length > 2 ? ["--", ...process.argv.slice(2)] : []),
  ].join(" ");
  const text = results(machine, command, figures);
  console.log(`\n${text}`);
  const kept = keep(figures, text, machine, command);
  console.log(`Measured in ${duration(performance.now() - began)}; ${kept}`);
}

/** Stores complete measurements: all figures, or single ones in their sections. Returns what it did. */
function keep(
  figures: readonly Figure[],
  whole: string,
  machine: readonly (readonly [string, string])[],
  command: string,
): string {
  if (rounds < 5 || largest < LARGEST) return `not stored: needs at least 5 rounds and ${LARGEST} projects`;
  const file = join(import.meta.dirname, "RESULTS.md");
  const values = new Map(machine);
  const made = `Measured separately, by \`${command}\`, on ${values.get("CPU")}, ${values.get("Date")}; load average ${loadavg()[2]?.toFixed(1)} over the last 15 minutes.`;
  const isWhole = figures.length === FIGURES.length;
  writeFileSync(file, isWhole ? whole : withSections(readFileSync(file, "utf8"), figures, made));
  return `stored in lab/bench/RESULTS.md${isWhole ? "" : " beside the others"}`;
}

/** Measures from few projects to many, each figure at its sizes. One that fails is left out, and the others are kept. */
async function measureAll(fixture: Fixture): Promise<Figure[]> {
  const found = new Map<FigureSpec, Comparison[]>(wanted.map((figure) => [figure, []]));
  const plan = wanted.map((figure) => ({
    figure,
    sizes: new Set(figure.sizes.map((size) => Math.min(size, largest))),
  }));
  const sizes = [...new Set(plan.flatMap(({ sizes }) => [...sizes]))].sort((a, b) => a - b);
  for (const size of sizes) {
    for (const { figure, sizes } of plan) {
      if (!sizes.has(size)) continue;
      console.log(`${duration(performance.now() - began)}: ${figure.title}, ${size} projects …`);
      try {
        await fixture.platform.scale(size);
        if (figure.beside) await fixture.compose.scale(size);
        found.get(figure)?.push(...(await figure.measure(fixture, size)));
      } catch (error) {
        if (isInterrupted) throw error;
        console.error(error instanceof Error ? error.message : error);
        process.exitCode = 1;
        found.delete(figure);
      }
    }
  }
  return [...found].map(([{ title, notes, added }, comparisons]) => ({ title, notes, added, comparisons }));
}
