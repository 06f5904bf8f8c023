/** Who has which rights by the stack's settings, read anew for each request: a right ends when it is taken, and not when the panel restarts. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { readStackSettings } from "../../../config/check.ts";
import { UserError } from "../../../config/errors.ts";
import { isAllowed, panelAccessList, type StackAccess } from "../../../config/projects/members.ts";
import type { Project } from "../../../config/projects/project.ts";
import { HttpProblem } from "../api/problem.ts";
import type { Person } from "../platform/types.ts";

/** What the stack's settings say now. */
export interface Authority {
  /** E-mail addresses in lower case. */
  readonly admins: readonly string[];
  /** The stack's access list, for projects without members. */
  readonly defaults: StackAccess;
  /** Who can create projects. */
  readonly create: "everyone" | "admins";
}

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

/** A person with the rights that they have now. */
export const personNow = (person: Person, { admins }: Authority): Person =>
  person.kind === "person" ? { ...person, admin: admins.includes(person.email) } : person;

/** Whether a person's sign-in still counts. */
export const isSignedIn = ({ expiresAt }: Person, now = Date.now()): boolean =>
  expiresAt === undefined || now < expiresAt;

/** Whether the panel admits a person at all, as its Access application does: a token outlives a removal from that. */
export const isAdmitted = (
  person: Person,
  projects: readonly Pick<Project, "members">[],
  { admins, defaults }: Authority,
): boolean =>
  person.admin ||
  person.kind === "machine" ||
  isAllowed(person.email, panelAccessList(projects, defaults, admins));
