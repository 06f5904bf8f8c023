/**
 * `npm test`: runs every suite but the nightly one; `npm run test:<suite>` or `npm test -- <suite> [<file>
 * …]` runs one.
 */
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { root } from "../operate/engine/checkout.ts";
import { runInherited } from "../toolchain/lib/exec.ts";
import { main } from "./lib/main.ts";
import {
  EVERY,
  isSuite,
  prepare,
  type Ran,
  readRun,
  reportFile,
  type Suite,
  sharedPlatform,
  summaryLines,
} from "./lib/suites.ts";

const KEPT = join(root, "test-results", "platform.json");

await main(async (args) => {
  const [first] = args;
  const suites = isSuite(first) ? [first] : EVERY;
  const rest = isSuite(first) ? args.slice(1) : args;
  mkdirSync(join(root, "test-results"), { recursive: true });
  rmSync(KEPT, { force: true });
  // The slow suites' parts are installed during the unit tests, which need none.
  const prepared = prepare(suites);
  prepared.catch(() => {}); // reported where it is awaited
  let isInterrupted = false;
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
    process.on(signal, () => {
      isInterrupted = true;
    });
  const runs: Ran[] = [];
  for (const suite of suites) {
    if (suite !== "unit") await prepared;
    // Again, as the previous suite may have stopped the Docker Engine.
    const env = suite === "unit" ? process.env : await prepare([suite]);
    if (isInterrupted) break;
    runs.push(await run(suite, rest, { ...env, ...sharedPlatform(suite, suites, KEPT) }));
  }
  console.log(summaryLines(runs).join("\n"));
  return Math.max(isInterrupted ? 1 : 0, ...runs.map(({ code }) => code));
});

async function run(suite: Suite, args: readonly string[], env: NodeJS.ProcessEnv): Promise<Ran> {
  const began = performance.now();
  const vitest = join(root, "node_modules", "vitest", "vitest.mjs");
  const report = ["--reporter=default", "--reporter=json", `--outputFile.json=${reportFile(suite)}`];
  const project = suite === "unit" || suite === "nightly" ? `${suite}*` : suite;
  const command = [vitest, "run", "--project", project, ...report, ...args];
  const code = await runInherited(process.execPath, command, env, root);
  return readRun(suite, code, performance.now() - began);
}
