import { explainError } from "../../config/errors.ts";
import { offerBuilders } from "../../toolchain/builders.ts";
import { findBuilders } from "./lab.ts";

/**
 * Runs a script: its result is the exit code. A UserError shows its message, a defect its stack if DEBUG is
 * set.
 */
export async function main(run: (args: readonly string[]) => Promise<number>): Promise<void> {
  offerBuilders(findBuilders);
  try {
    process.exitCode = await run(process.argv.slice(2));
  } catch (error) {
    console.error(explainError(error));
    process.exitCode = 1;
  }
}

/** Whether progress can be redrawn on a terminal; otherwise it is printed as lines. */
export const isWatched = (): boolean => Boolean(process.stdout.isTTY) && !process.env.CI;

/** How downloads of the toolchain are shown. */
export const provisionProgress = (): "live" | "plain" => (isWatched() ? "live" : "plain");
