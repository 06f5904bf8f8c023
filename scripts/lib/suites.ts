import { rmSync } from "node:fs";
import { join } from "node:path";
import { readOptional } from "../../config/text/read-optional.ts";
import {
  CHROMIUM_COMMANDS,
  chromiumPart,
  gitPart,
  postgresPart,
  tmuxPart,
} from "../../lab/build/commands.ts";
import { dropletImagePart } from "../../lab/build/droplet-image.ts";
import { builders } from "../../lab/build/index.ts";
import { root, toolchain } from "../../operate/engine/checkout.ts";
import { pulumiBinary } from "../../operate/engine/pulumi.ts";
import { platformParts, provision } from "../../toolchain/index.ts";
import { which } from "../../toolchain/lib/exec.ts";
import { duration } from "../../toolchain/lib/words.ts";
import type { Part } from "../../toolchain/part.ts";
import { describePlugins } from "../../toolchain/parts/plugins.ts";
import { provisionProgress } from "./main.ts";

/**
 * The suites, in the order in which they run. `local`, `attach` and `panel` use one platform, which the first of a run makes and the last
 * takes away. What is slower and rarer is in `nightly`, which only its name runs.
 */
export const SUITES = ["unit", "local", "attach", "panel", "production", "nightly"] as const;
export type Suite = (typeof SUITES)[number];

/** What `npm test` runs. */
export const EVERY: readonly Suite[] = ["unit", "local", "attach", "panel", "production"];

/** Suites that share a platform on this machine. */
const ON_ONE_PLATFORM: readonly Suite[] = ["local", "attach", "panel"];

const BROWSING: readonly Part[] = [gitPart, tmuxPart, chromiumPart];

/** What a suite needs besides the platform. */
const PARTS: Readonly<Record<Suite, readonly Part[]>> = {
  unit: [],
  local: BROWSING,
  attach: [gitPart, tmuxPart],
  panel: BROWSING,
  production: [...BROWSING, dropletImagePart, postgresPart],
  nightly: BROWSING,
};

export const isSuite = (word: string | undefined): word is Suite => SUITES.some((suite) => suite === word);

/**
 * Variables by which the suites of one run share a platform: those on this machine keep it in `file`, and the last of them takes it away.
 * See test/support/global-setup.ts.
 */
export function sharedPlatform(
  suite: Suite,
  suites: readonly Suite[],
  file: string,
): Readonly<Record<string, string>> {
  const sharing = suites.filter((each) => ON_ONE_PLATFORM.includes(each));
  if (sharing.length < 2 || !sharing.includes(suite)) return {};
  return { E2E_KEEP: file, ...(suite === sharing.at(-1) ? { E2E_LAST: "true" } : {}) };
}

/** Brings what real parts need that is not on this machine, and shows with which plugins the tests run. */
export async function prepare(suites: readonly Suite[]): Promise<NodeJS.ProcessEnv> {
  if (suites.every((suite) => suite === "unit")) return process.env;
  const parts = new Set([...platformParts(), ...suites.flatMap((suite) => PARTS[suite])]);
  await provision([...parts], { root, progress: provisionProgress(), builders });
  for (const plugin of await describePlugins(toolchain)) console.log(plugin);
  if (suites.includes("nightly") && !process.env.OPENCODE_PLATFORM_OFFICIAL_PLUGINS)
    console.log("kinds.test.ts is left out: OPENCODE_PLATFORM_OFFICIAL_PLUGINS names no official plugins.");
  return {
    ...process.env,
    OPENCODE_PLATFORM_TOOLCHAIN: toolchain,
    PULUMI_BIN: await pulumiBinary(),
    CHROMIUM_BIN: CHROMIUM_COMMANDS.map((name) => which(name)).find(Boolean) ?? "",
  };
}

/** What one suite came to. */
export interface Ran {
  readonly suite: Suite;
  readonly code: number;
  readonly ms: number;
  readonly passed: number;
  readonly failed: number;
  /** Each failed test, or file that could not run: where it is, its name, and the first line of what went wrong. */
  readonly failures: readonly string[];
}

interface Report {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly testResults: readonly {
    readonly name: string;
    readonly message?: string;
    readonly assertionResults: readonly {
      readonly status: string;
      readonly fullName: string;
      readonly failureMessages?: readonly string[];
    }[];
  }[];
}

export const reportFile = (suite: Suite): string => join(root, "test-results", `${suite}.json`);

/** Reads vitest's report of a suite, and removes it. A run that ended without one failed as a whole. */
export function readRun(suite: Suite, code: number, ms: number): Ran {
  const file = reportFile(suite);
  const text = readOptional(file);
  rmSync(file, { force: true });
  if (text === undefined)
    return { suite, code, ms, passed: 0, failed: 0, failures: [`${suite}: ended with ${code}, no report`] };
  const report = JSON.parse(text) as Report;
  const { numPassedTests: passed, numFailedTests: failed } = report;
  return { suite, code, ms, passed, failed, failures: report.testResults.flatMap(failuresOf) };
}

const firstLine = (text = ""): string => text.trim().split("\n")[0]?.slice(0, 200) ?? "";

function failuresOf({ name, message, assertionResults }: Report["testResults"][number]): string[] {
  const file = name.startsWith(`${root}/`) ? name.slice(root.length + 1) : name;
  const failed = assertionResults.filter(({ status }) => status === "failed");
  if (failed.length === 0 && message) return [`${file}: ${firstLine(message)}`];
  return failed.map(
    ({ fullName, failureMessages }) => `${file}: ${fullName}: ${firstLine(failureMessages?.[0])}`,
  );
}

/** The last lines of a run: a line for each suite, what failed and where, and the count of all tests. */
export function summaryLines(runs: readonly Ran[]): string[] {
  const sum = (count: (run: Ran) => number) => runs.reduce((total, run) => total + count(run), 0);
  const failures = runs.flatMap((run) => run.failures);
  const shown = failures.slice(0, 6);
  return [
    "",
    ...runs.map(
      ({ suite, code, ms, passed, failed }) =>
        `${suite}: ${code === 0 ? "ok" : "FAILED"}, ${passed} passed, ${failed} failed, ${duration(ms)}`,
    ),
    ...shown.map((failure) => `FAILED ${failure}`),
    ...(failures.length > shown.length ? [`… and ${failures.length - shown.length} more`] : []),
    `${sum((run) => run.passed)} passed, ${sum((run) => run.failed)} failed`,
  ];
}
