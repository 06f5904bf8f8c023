import { join } from "node:path";
import { fail, type Problem } from "../../config/errors.ts";
import { readStackFile } from "../../config/stack/secrets.ts";
import { type FoundPlugin, findPlugins, realClouds, standInProblem } from "../../config/stack/stand-ins.ts";
import { readOptional } from "../../config/text/read-optional.ts";
import { offeredBuilders, provision } from "../../toolchain/index.ts";
import { pluginsPart } from "../../toolchain/parts/plugins.ts";
import { findPulumi } from "../../toolchain/parts/pulumi.ts";
import { root, toolchain } from "./checkout.ts";
import type { ProvisionProgress } from "./prepare.ts";
import { pulumiEnv } from "./pulumi.ts";
import type { Session } from "./session.ts";

/**
 * Whether a stack can use stand-ins: this machine's, and one whose clouds are both stand-ins. Read from the
 * stack's
 * file and the environment, without the engine; an encrypted address counts as the real cloud's.
 */
export const takesStandIns = (session: Session): boolean => session.isLocal || cloudsOf(session).length === 0;

function cloudsOf({ stack }: Session): string[] {
  const file = `Pulumi.${stack}.yaml`;
  return realClouds(readStackFile(readOptional(join(root, file)), file, stack).plain, process.env);
}

async function pluginsOf(session: Session): Promise<FoundPlugin[]> {
  return findPlugins(pulumiEnv(session), (await findPulumi(toolchain))?.path);
}

/** The problem with the plugins that an engine would use for a stack, if any. */
export async function pluginProblem(session: Session): Promise<Problem | undefined> {
  if (takesStandIns(session)) return undefined;
  return standInProblem(session.stack, await pluginsOf(session), cloudsOf(session));
}

/** Installs the plugins, or official ones in place of the toolchain's stand-ins. */
export const bringPlugins =
  (progress: ProvisionProgress) =>
  async (mayBuild: boolean): Promise<void> =>
    provision([pluginsPart], { root, progress, builders: mayBuild ? await offeredBuilders() : undefined });

/**
 * Ensures that the engine has its plugins, and no stand-in for a real cloud: those are replaced by official
 * ones,
 * or it throws before the engine starts.
 */
export async function preparePlugins(session: Session, bring = bringPlugins("quiet")): Promise<void> {
  const isMissing = (await pluginsOf(session)).some(
    ({ name, kind }) => name === "nodejs" && kind === "not installed",
  );
  if (!isMissing && !(await pluginProblem(session))) return;
  const failed = await bring(takesStandIns(session)).then(
    () => undefined,
    (error: unknown) => error,
  );
  const problem = await pluginProblem(session);
  if (problem) fail("environment", problem.where, problem.what, problem.fix);
  if (failed) throw failed;
}
