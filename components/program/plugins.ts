import { UserError } from "../../config/errors.ts";
import { findPlugins, realClouds, standInProblem } from "../../config/stack/stand-ins.ts";

/**
 * Refuses a real cloud where the engine would take stand-ins, also for an engine that no script of this checkout has started.
 * @throws UserError before any plugin is asked for anything.
 */
export function refuseStandIns(
  stack: string,
  config: Readonly<Record<string, string>>,
  env: Readonly<Record<string, string | undefined>> = process.env,
): void {
  const problem = standInProblem(stack, findPlugins(env), realClouds(config, env));
  if (problem) throw new UserError("environment", [problem]);
}
