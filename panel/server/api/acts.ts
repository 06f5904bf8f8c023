/** Shared steps of all changes to a project: lookup, permission, submission and response. */

import type { Project } from "../../../config/projects/project.ts";
import type { AuditEntry } from "../access/audit.ts";
import { type Authority, isAdmitted, isSignedIn, personNow } from "../access/authority.ts";
import { type Act, canCreate, canDo, canSee, ownsTooMany, roleOf } from "../access/permissions.ts";
import type { PanelServices } from "../parts.ts";
import { entryOf } from "../platform/projects-file.ts";
import { Conflict, type Edit, type Entry, type OperationRequest, type Person } from "../platform/types.ts";
import type { Catalog, ProjectEntry, Snapshot } from "./catalog.ts";
import type { SecretValues } from "./entry-check.ts";
import { conflict, HttpProblem, projectNotFound, toHttpProblem } from "./problem.ts";
import { type Ctx, json, type Variables } from "./route.ts";
import { acceptedSchema } from "./schema.ts";

/** @throws HttpProblem (404) for an unknown project, or one that the person can't see */
export function findProject(
  parts: PanelServices,
  snapshot: Snapshot,
  person: Person,
  name: string,
): ProjectEntry {
  const found = snapshot.projectEntries.find(({ project }) => project.name === name);
  const authority = parts.authority();
  if (!found || !canSee(personNow(person, authority), found.project, authority)) throw projectNotFound(name);
  return found;
}

/** Whether a stream's reader may go on: signed in, admitted, and with the right to what it shows. */
export const goesOn =
  (
    parts: Pick<PanelServices, "authority">,
    catalog: Catalog,
    signedIn: Person,
    hasRight: (person: Person) => boolean = () => true,
  ) =>
  (): boolean => {
    try {
      const authority = parts.authority();
      const person = personNow(signedIn, authority);
      const projects = catalog.readCached().projectEntries.map(({ project }) => project);
      return isSignedIn(person) && isAdmitted(person, projects, authority) && hasRight(person);
    } catch (error) {
      // What nobody can tell is not allowed.
      if (error instanceof HttpProblem) return false;
      throw error;
    }
  };

/** The version in If-Match: `"…"`, or `W/"…"` of a compressed response. Undefined for `*`. */
export function versionIn(context: Ctx): string | undefined {
  const header = context.req.header("if-match");
  return header === undefined || header.trim() === "*"
    ? undefined
    : header.trim().replace(/^(?:W\/)?"(.*)"$/, "$1");
}

/** @throws HttpProblem (403) if a person may not do something to a project that they can see */
export function assertCan(parts: PanelServices, person: Person, project: Project, act: Act): void {
  const authority = parts.authority();
  const role = roleOf(personNow(person, authority), project, authority);
  if (canDo(role, act)) return;
  if (role === "machine") throw new HttpProblem(403, "A service token can't change anything.");
  throw new HttpProblem(
    403,
    `Only an owner of ${project.name} or an admin can do that. Members open, start and stop it.`,
  );
}

/**
 * Checks that a person can add a project to a text.
 * @returns the person with the rights that they have now
 * @throws HttpProblem (403)
 */
export function assertCanCreate(parts: PanelServices, person: Person, text: string): Person {
  const authority = parts.authority();
  const now = personNow(person, authority);
  if (!canCreate(now, authority))
    throw new HttpProblem(
      403,
      now.kind === "person" && authority.create === "everyone"
        ? "Only people whom the stack admits can create projects, and not guests of one."
        : "Only an admin can create projects.",
    );
  const tooMany = ownsTooMany(now, parts.file.load(text), parts.file.perPerson(text));
  if (tooMany) throw new HttpProblem(403, tooMany);
  return now;
}

/** What is checked of a text besides a person's role. @throws HttpProblem */
type Further = (found: ProjectEntry, person: Person, authority: Authority) => void;

/**
 * The check of an act under the file's lock: with the projects of the text that is edited, and the rights that the person has by then.
 * @throws HttpProblem (403, 404)
 */
export const authorization =
  (parts: PanelServices, person: Person, act: Act, name: string, further: Further = () => {}) =>
  (text: string): void => {
    const authority = parts.authority();
    const projects = parts.file.load(text);
    const index = projects.findIndex((project) => project.name === name);
    const project = projects[index];
    const now = personNow(person, authority);
    if (!project || !canSee(now, project, authority)) throw projectNotFound(name);
    assertCan(parts, person, project, act);
    further({ project, entry: entryOf(text, name) as Entry }, now, authority);
  };

/** What the audit log has of a request, so far. */
export function auditLine(context: Ctx): Omit<AuditEntry, "outcome"> {
  const person: Variables["person"] | undefined = context.get("person");
  const act = context.get("act");
  const { name = `${context.req.method} ${context.req.path}`.slice(0, 200), ...rest } = act ?? {};
  return {
    request: context.get("requestId"),
    who: person ? { email: person.email, kind: person.kind } : { email: "", kind: "unknown" },
    act: name,
    ...rest,
  };
}

/**
 * Writes to the audit log that a request's act begins. Call it before anything is done or shown.
 * @throws HttpProblem (503) if the line can't be written: what leaves no trace is not done
 */
export async function begin({ audit, report }: PanelServices, context: Ctx): Promise<void> {
  try {
    await audit.record({ ...auditLine(context), outcome: "begun" });
  } catch (error) {
    report(error, context.get("requestId"));
    throw new HttpProblem(
      503,
      "The audit log can't be written, so nothing was done. The panel's log says why.",
    );
  }
}

/** Submits an operation, which the audit log has first; responds with it and its URL. */
export async function submit(
  parts: PanelServices,
  context: Ctx,
  operationRequest: OperationRequest,
): Promise<Response> {
  await begin(parts, context);
  try {
    const operation = await parts.operations.submit(operationRequest);
    const act = context.get("act");
    if (act) act.operation = operation.id;
    return context.json({ operation }, 202, { Location: `/api/operations/${operation.id}` });
  } catch (error) {
    if (error instanceof Conflict) throw conflict(error, changedBy(error, operationRequest));
    throw toHttpProblem(error, operationRequest.project);
  }
}

/** The author of a conflicting change; anonymous if it was on a project that the person can't see. */
function changedBy(
  { currentVersion: present, by }: Conflict,
  { person, project }: OperationRequest,
): string | undefined {
  if (present === undefined) return undefined;
  if (!by) return "an edit outside the panel";
  const isVisible = person.admin || by.person === person.email || by.project === project;
  return isVisible ? `${by.person} (${by.what})` : "another user of the panel";
}

/** The accepted response, for the API description. */
export const acceptedResponse = {
  202: {
    ...json(acceptedSchema, "Accepted; Location is the operation's URL."),
    headers: { Location: { description: "The operation.", schema: { type: "string" as const } } },
  },
};

/** Creates an operation request, with the version in If-Match if a context is given. */
export function operationRequest(
  person: Person,
  act: string,
  name: string,
  edit: Edit | undefined,
  context?: Ctx,
  secrets: SecretValues = {},
): OperationRequest {
  const version = context && versionIn(context);
  return {
    person,
    what: `${act} ${name}`,
    project: name,
    ...(edit ? { edit } : {}),
    ...(version === undefined ? {} : { version }),
    ...(Object.keys(secrets).length > 0 ? { secrets } : {}),
  };
}
