/** New projects that are made of another: a fork, and a restore under another name. */
import { UserError } from "../../../config/errors.ts";
import type { CopyOwner, StorageAnswer } from "../../../operate/storage/client.ts";
import { copyOf } from "../../../operate/storage/copy-entry.ts";
import { adminOnlyChanges } from "../access/permissions.ts";
import type { PanelServices } from "../parts.ts";
import { overlaidProblems } from "../platform/overlaid.ts";
import { entryOf } from "../platform/projects-file.ts";
import { Conflict, type Entry, type OperationRequest, type Person, type Report } from "../platform/types.ts";
import { assertCanCreate, authorization, submit } from "./acts.ts";
import type { Snapshot } from "./catalog.ts";
import { checkEntry } from "./entry-check.ts";
import { HttpProblem, invalidFields } from "./problem.ts";
import type { Ctx } from "./route.ts";

export interface Copied {
  readonly context: Ctx;
  readonly person: Person;
  readonly from: string;
  readonly to: string;
  /** The key of the body that has that name. */
  readonly field: "name" | "into";
  /** `fork web-shop as web-shop-try`. */
  readonly what: string;
  /** Makes the new project's files. */
  readonly fill: (owner: CopyOwner, report: Report) => Promise<void>;
}

/**
 * Submits it: the files first, then an update with the new entry, so that the new container finds them.
 * @throws HttpProblem for a name that can't be used, or a person who may not have one more project
 */
export async function submitCopy(
  parts: PanelServices,
  snapshot: Snapshot,
  copied: Copied,
): Promise<Response> {
  const { context, person, from, to, field, what, fill } = copied;
  assertNotOverlaid(snapshot, from);
  const entryFor = (text: string) => copyOf(entryOf(text, from) as Entry, to) as Entry;
  const edit = (text: string) => ({ kind: "add" as const, entry: entryFor(text) });
  const problems = checkEntry(parts, snapshot, edit(snapshot.text), {}, parts.secretNames(from));
  if (problems.length > 0)
    throw invalidFields(
      problems.map(({ path, ...rest }) => ({ path: path === "name" ? field : path, ...rest })),
    );
  const authorize = (text: string) => {
    // Whoever may change a project may have another like it, within what they can own. What only admins change is as an admin has left it.
    authorization(parts, person, "change", from, (found, now, authority) => {
      const { name: _, ...values } = copyOf(found.entry, to);
      if (adminOnlyChanges(now, found.entry, values, [], authority).length > 0)
        throw new HttpProblem(403, "Only an admin can do that.");
    })(text);
    assertCanCreate(parts, person, text);
  };
  authorize(snapshot.text);
  if (await leftBehind(parts, to))
    throw new HttpProblem(409, `An earlier project ${to} left its workspace behind: choose another name.`);
  const work: OperationRequest["work"] = async ({ report, run }) => {
    await fill(parts.ownerOf(to), report);
    try {
      const { text } = parts.file.read();
      authorize(text);
      const added = {
        person,
        what: `create ${to}`,
        project: to,
        edit: edit(text),
        secretsOf: from,
        authorize,
      };
      const end = await run(added);
      if (end.state !== "succeeded") throw new Error(end.error ?? `its update was ${end.state}`);
    } catch (error) {
      await discard(parts, to, report);
      throw error;
    }
  };
  return submit(parts, context, { person, what, project: from, authorize, work });
}

async function leftBehind(parts: PanelServices, name: string): Promise<boolean> {
  try {
    return await parts.hasWorkspace(name);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    throw new HttpProblem(503, error.message);
  }
}

/** The panel edits projects.yaml alone. */
function assertNotOverlaid({ overlay, text }: Snapshot, from: string): void {
  const [problem] = overlaidProblems({ kind: "remove", name: from }, entryOf(text, from), overlay);
  if (problem)
    throw new HttpProblem(
      409,
      `${problem.where}: ${problem.what}: whoever maintains the stack can fork it with npm run fork.`,
    );
}

/** Deletes the files of a copy whose entry was not added; one that has an entry is the next update's. */
async function discard(parts: PanelServices, name: string, report: Report): Promise<void> {
  try {
    await parts.deleteWorkspace(name, { withoutBackup: true });
  } catch (error) {
    if (!(error instanceof Conflict)) report(`The copy ${name} is left behind: ${(error as Error).message}`);
  }
}

/** The value. @throws HttpProblem: 409 with the program's own reason, 503 without it */
export function answeredOr<Value>(answer: StorageAnswer<Value>, what: string): Value {
  if (answer.kind === "answered") return answer.value;
  const fix = answer.kind === "refused" && answer.fix ? ` To fix it: ${answer.fix}.` : "";
  throw new HttpProblem(
    answer.kind === "refused" ? 409 : 503,
    `${what}: ${answer.reason.replace(/\.$/, "")}.${fix}`,
  );
}
