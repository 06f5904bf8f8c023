/** Reads who has which rights, for each request: a right ends when it is taken, and not when the panel restarts. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { readStackSettings } from "../../../config/check.ts";
import { UserError } from "../../../config/errors.ts";
import type { StackAccess } from "../../../config/projects/members.ts";
import { HttpProblem } from "../api/problem.ts";
import type { Authority } from "./authority.ts";

const NOBODY: StackAccess = { accessEmails: [], accessEmailDomains: [] };

/**
 * Reads the settings of a checkout's stack; an unchanged file is not parsed again.
 * @throws HttpProblem (503) if they are invalid: what nobody can tell is not allowed
 */
export function authorityOf(root: string, stack: string): () => Authority {
  const path = join(root, `Pulumi.${stack}.yaml`);
  let known: { readonly text: string; readonly authority: Authority } | undefined;
  return () => {
    const text = readText(path);
    if (known?.text === text) return known.authority;
    const authority = parse(root, stack);
    known = { text, authority };
    return authority;
  };
}

/** A stack without a file has the default settings. */
function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

function parse(root: string, stack: string): Authority {
  try {
    const { panel, production } = readStackSettings(root, stack);
    return { admins: panel.admins, defaults: production ?? NOBODY, create: panel.create };
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    throw new HttpProblem(503, "The stack's settings are invalid: run `npm run check` and fix them.");
  }
}
