/** Looks up a release of opencode in npm's registry, for its lines in config/opencode-releases.ts. */
import { fail } from "../../config/errors.ts";
import { apiFor, type Processor } from "../../opencode/api/index.ts";
import { runNpm, type Sources } from "./newest.ts";

const PROCESSORS: readonly Processor[] = ["x64", "x64-baseline", "arm64"];

/**
 * The lines that pin a release: the integrity that the registry gives for each processor's package.
 * @throws UserError if no package of it is there
 */
export async function releaseLines(version: string, { npm = runNpm }: Sources = {}): Promise<string[]> {
  const { server } = apiFor(version);
  const found = await Promise.all(
    PROCESSORS.map(async (processor) => {
      const spec = `${server.npmPackage(processor)}@${version}`;
      const integrity = (await npm(["view", spec, "dist.integrity"]).catch(() => "")).trim();
      return integrity
        ? [`    ${processor.includes("-") ? `"${processor}"` : processor}: "${integrity}",`]
        : [];
    }),
  );
  const lines = found.flat();
  if (lines.length === 0)
    fail(
      "config",
      `opencode ${version}`,
      "has no package in npm's registry",
      "npm view opencode-ai versions",
    );
  return [`  "${version}": {`, ...lines, "  },"];
}
