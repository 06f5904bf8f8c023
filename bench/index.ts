/** Measures the figures and writes them to bench/RESULTS.md. `npm run bench -- noop --rounds 1 --largest 3` tries one. */
import { readFileSync, writeFileSync } from "node:fs";
import { loadavg } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { provision } from "../toolchain/index.ts";
import { duration } from "../toolchain/lib/words.ts";
import { add } from "./figures/add.ts";
import { attach } from "./figures/attach.ts";
import { latency } from "./figures/latency.ts";
import { memory } from "./figures/memory.ts";
import { noop } from "./figures/noop.ts";
import { phasesOfNoop } from "./figures/phases.ts";
import { Compose } from "./lib/compose.ts";
import { composePart } from "./lib/compose-part.ts";
import type { FigureSpec, Fixture } from "./lib/fixture.ts";
import { describeMachine } from "./lib/machine.ts";
import { Platform } from "./lib/platform.ts";
import { type Comparison, type Figure, results, withSections } from "./lib/report.ts";

const FIGURES: readonly FigureSpec[] = [noop, add, latency, attach, memory, phasesOfNoop];
const root = join(import.meta.dirname, "..");

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { rounds: { type: "string", default: "5" }, largest: { type: "string", default: "50" } },
});
const wanted = FIGURES.filter(({ name }) => positionals.length === 0 || positionals.includes(name));
const rounds = Number(values.rounds);
const largest = Number(values.largest);
const unknown = positionals.filter((name) => !FIGURES.some((figure) => figure.name === name));
if (unknown.length > 0 || !(rounds >= 1) || !(largest >= 1)) {
  console.error(
    `Usage: npm run bench -- [${FIGURES.map(({ name }) => name).join("|")}] [--rounds n] [--largest n]`,
  );
  process.exit(2);
}

await provision([composePart], { root, progress: "plain" });
const began = performance.now();
const platform = await Platform.create(root);
const compose = await Compose.create(root, platform);
const clean = once(async () => {
  await compose.remove();
  await platform.remove();
});
for (const signal of ["SIGINT", "SIGTERM"] as const)
  process.on(signal, () => clean().then(() => process.exit(130)));
try {
  const figures = await measureAll({ platform, compose, rounds });
  const machine = await describeMachine({ platform, compose, rounds });
  const command = [
    "npm run bench",
    ...(process.argv.length > 2 ? ["--", ...process.argv.slice(2)] : []),
  ].join(" ");
  const text = results(machine, command, figures);
  console.log(`\n${text}`);
  const kept = keep(figures, text, machine, command);
  console.log(`Measured in ${duration(performance.now() - began)}; ${kept}`);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
} finally {
  await clean();
}

/** Writes down what was measured in full: all of it, or figures alone in their place among the others. Says what it did. */
function keep(
  figures: readonly Figure[],
  whole: string,
  machine: readonly (readonly [string, string])[],
  command: string,
): string {
  if (rounds < 5 || largest < 50) return "not kept, because it is not the whole";
  const file = join(root, "bench", "RESULTS.md");
  const values = new Map(machine);
  const made = `Measured without the other figures, by \`${command}\`, on ${values.get("CPU")}, ${values.get("Date")}; load average ${loadavg()[2]?.toFixed(1)} over the last 15 minutes.`;
  const isWhole = wanted.length === FIGURES.length;
  writeFileSync(file, isWhole ? whole : withSections(readFileSync(file, "utf8"), figures, made));
  return `kept in bench/RESULTS.md${isWhole ? "" : " beside the others"}`;
}

/** From few projects to many, each figure at the numbers it wants. */
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
      await fixture.platform.scale(size);
      if (figure.beside) await fixture.compose.scale(size);
      found.get(figure)?.push(...(await figure.measure(fixture, size)));
    }
  }
  return [...found].map(([{ title, notes, added }, comparisons]) => ({ title, notes, added, comparisons }));
}

/** However often it is asked for, it is done once. */
function once(work: () => Promise<void>): () => Promise<void> {
  let done: Promise<void> | undefined;
  return () => {
    done ??= work();
    return done;
  };
}
