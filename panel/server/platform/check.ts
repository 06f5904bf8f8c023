import { readFileSync } from "node:fs";
import { join } from "node:path";
import { dropletHost, localHost } from "../../../config/check.ts";
import { UserError } from "../../../config/errors.ts";
import { loadProjects } from "../../../config/projects/load.ts";
import { LOCAL_STACK } from "../../../config/stack/commands.ts";
import { hostnameClashes } from "../../../config/stack/production.ts";
import { readStackFile } from "../../../config/stack/secrets.ts";
import { ownSettings, parseSettings, type Settings } from "../../../config/stack/settings.ts";
import type { CheckText } from "./projects-file.ts";

/**
 * The check of a checkout's projects.yaml that `npm run check` does, for a text that is not in the file yet. The stack's settings are taken as
 * they are: what is wrong with those is no matter of an entry.
 */
export function makeCheck(root: string, stack: string): CheckText {
  return (text, given) => {
    const file = `Pulumi.${stack}.yaml`;
    const stackFile = readStackFile(readIfThere(join(root, file)), file, stack);
    const production = readSettings(stackFile.plain, stackFile.encrypted, stack)?.production;
    const projects = loadProjects(text, {
      file: "projects.yaml",
      directory: root,
      stack,
      hasSecret: (project, name) =>
        (given?.project === project && given.names.includes(name)) || stackFile.hasSecret(project, name),
      ...(stack === LOCAL_STACK ? localHost() : dropletHost(production?.size)),
    });
    if (!production) return;
    const names = projects.map(({ name }) => name);
    const clashes = hostnameClashes(production, names, stack);
    if (clashes.length > 0) throw new UserError("config", clashes);
  };
}

function readSettings(
  plain: Readonly<Record<string, string>>,
  hidden: ReadonlySet<string>,
  stack: string,
): Settings | undefined {
  try {
    const tokens = { digitalocean: true, cloudflare: true };
    return parseSettings(ownSettings(plain), { stack, tokens, plain: new Set(Object.keys(plain)), hidden });
  } catch (error) {
    if (error instanceof UserError) return undefined;
    throw error;
  }
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}
