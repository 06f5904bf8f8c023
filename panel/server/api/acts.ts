/** Shared steps of all changes to a project: lookup, permission, submission and response. */
import type { AuditEntry } from "../access/audit.ts";
import { canAct, canSee } from "../access/permissions.ts";
import type { PanelServices } from "../parts.ts";
import { Conflict, type Edit, type OperationRequest, type Person } from "../platform/types.ts";
import type { ProjectEntry, Snapshot } from "./catalog.ts";
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
  if (!found || !canSee(person, found.project, parts.defaults)) throw projectNotFound(name);
  return found;
}

/** The version in If-Match: `"…"`, or `W/"…"` of a compressed response. Undefined for `*`. */
export function versionIn(context: Ctx): string | undefined {
  const header = context.req.header("if-match");
  return header === undefined || header.trim() === "*"
    ? undefined
    : header.trim().replace(/^(?:W\/)?"(.*)"$/, "$1");
}

/** @throws HttpProblem (403) for a machine */
export function assertCanAct(person: Person): void {
  if (!canAct(person)) throw new HttpProblem(403, "A service token can't change anything.");
}

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
