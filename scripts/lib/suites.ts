import { rmSync } from "node:fs";
import { join } from "node:path";
import { readOptional } from "../../config/text/read-optional.ts";
import {
  btrfsPart,
  CHROMIUM_COMMANDS,
  chromiumPart,
  gitPart,
  postgresPart,
  registryPart,
  resticPart,
  sshdPart,
  tmuxPart,
} from "../../lab/build/commands.ts";
import { dropletImagePart } from "../../lab/build/droplet-image.ts";
import { builders } from "../../lab/build/index.ts";
import { s3ServerPart } from "../../lab/build/s3-server.ts";
import { root, toolchain } from "../../operate/engine/checkout.ts";
import { pulumiBinary } from "../../operate/engine/pulumi.ts";
import { platformParts, provision } from "../../toolchain/index.ts";
import { which } from "../../toolchain/lib/exec.ts";
import { duration } from "../../toolchain/lib/words.ts";
import type { Part } from "../../toolchain/part.ts";
import { describePlugins } from "../../toolchain/parts/plugins.ts";
import { provisionProgress } from "./main.ts";

/**
 * The suites in their order. `local` to `panel` share a platform, which the first one creates and
 * the last one removes. `nightly` has what is slow or rare, and only runs by name.
 */
export const SUITES = [
  "unit",
  "local",
  "security",
  "opencode",
  "workspace",
  "sleep",
  "lifecycle",
  "attach",
  "panel",
  "production",
  "nightly",
] as const;
export type Suite = (typeof SUITES)[number];

/** The suites of `npm test`. */
export const EVERY: readonly Suite[] = SUITES.filter((suite) => suite !== "nightly");

/** Suites that share a platform on this machine. */
const ON_ONE_PLATFORM: readonly Suite[] = SUITES.slice(SUITES.indexOf("local"), SUITES.indexOf("panel") + 1);

const BROWSING: readonly Part[] = [gitPart, tmuxPart, chromiumPart];

/** Parts that a suite needs besides the platform's. */
const PARTS: Readonly<Record<Suite, readonly Part[]>> = {
  unit: [],
  local: BROWSING,
  security: BROWSING,
  opencode: BROWSING,
  workspace: [...BROWSING, registryPart],
  sleep: BROWSING,
  lifecycle: [...BROWSING, resticPart, btrfsPart, sshdPart, s3ServerPart],
  attach: [gitPart, tmuxPart],
  panel: BROWSING,
  production: [...BROWSING, dropletImagePart, postgresPart],
  nightly: BROWSING,
};

export const isSuite = (word: string | undefined): word is Suite => SUITES.some((suite) => suite === word);

/**
 * Variables that let the suites of a run share a platform: `file` has it, and the last suite removes it. See
 * test/support/global-setup.ts.
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

/** Installs missing parts, and shows which plugins the tests use. */
export async function prepare(suites: readonly Suite[]): Promise<NodeJS.ProcessEnv> {
  if (suites.every((suite) => suite === "unit")) return process.env;
  const parts = new Set([...platformParts(), ...suites.flatMap((suite) => PARTS[suite])]);
  await provision([...parts], { root, progress: provisionProgress(), builders });
  for (const plugin of await describePlugins(toolchain)) console.log(plugin);
  if (suites.includes("nightly") && !process.env.OPENCODE_PLATFORM_OFFICIAL_PLUGINS)
    console.log("kinds.test.ts is excluded: OPENCODE_PLATFORM_OFFICIAL_PLUGINS names no official plugins.");
  return {
    ...process.env,
    OPENCODE_PLATFORM_TOOLCHAIN: toolchain,
    PULUMI_BIN: await pulumiBinary(),
    CHROMIUM_BIN: CHROMIUM_COMMANDS.map((name) => which(name)).find(Boolean) ?? "",
  };
}

/** Result of a suite. */
export interface Ran {
  readonly suite: Suite;
  readonly code: number;
  readonly ms: number;
  readonly passed: number;
  readonly failed: number;
  /** Failed tests, or files that could not run: place, name, and the error's first line. */
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

/** Reads vitest's report of a suite, and removes it. A run without a report has failed. */
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

/** The summary of a run: a line per suite, failures with their places, and the totals. */
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
