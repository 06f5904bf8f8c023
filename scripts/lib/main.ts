import { ConfigError } from "../../config/errors.ts";
import { ToolchainError } from "../../toolchain/lib/errors.ts";

/** Runs a script: its number is the exit code; a mistake is shown as its message, a defect with its stack if DEBUG is set. */
export async function main(run: (args: readonly string[]) => Promise<number>): Promise<void> {
  try {
    process.exitCode = await run(process.argv.slice(2));
  } catch (error) {
    console.error(explain(error));
    process.exitCode = 1;
  }
}

/** What a person is shown for an error. */
export function explain(error: unknown): string {
  if (process.env.DEBUG && error instanceof Error) return error.stack ?? error.message;
  if (error instanceof ConfigError || error instanceof ToolchainError) return error.message;
  const message = error instanceof Error ? error.message : String(error);
  return `${message}\n(DEBUG=1 shows where this came from)`;
}

/** Stops a script with one problem: where, what, and how to mend it. */
export function stop(where: string, what: string, fix?: string): never {
  throw new ConfigError([fix === undefined ? { where, what } : { where, what, fix }]);
}

/** Whether a person watches: then progress is redrawn; otherwise it is lines. */
export const isWatched = (): boolean => Boolean(process.stdout.isTTY) && !process.env.CI;
