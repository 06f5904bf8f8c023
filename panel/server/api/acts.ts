/** What every act on a project has in common: whose it is, what is asked of the platform, and how it is answered. */
import { canAct, canSee } from "../access/permissions.ts";
import type { PanelServices } from "../parts.ts";
import { Conflict, type Edit, type OperationRequest, type Person } from "../platform/types.ts";
import type { ProjectEntry, Snapshot } from "./catalog.ts";
import type { SecretValues } from "./entry-check.ts";
import { conflict, HttpProblem, projectNotFound, toHttpProblem } from "./problem.ts";
import { type Ctx, json } from "./route.ts";
import { acceptedSchema } from "./schema.ts";

/** @throws Refusal (404) also for a project that the person may not know of */
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

/** The version in If-Match: `"…"`, and `W/"…"` of an answer that was compressed. Any, for `*`. */
export function versionIn(context: Ctx): string | undefined {
  const header = context.req.header("if-match");
  return header === undefined || header.trim() === "*"
    ? undefined
    : header.trim().replace(/^(?:W\/)?"(.*)"$/, "$1");
}

/** @throws Refusal (403) for a machine */
export function assertCanAct(person: Person): void {
  if (!canAct(person)) throw new HttpProblem(403, "A machine's token may look, and change nothing.");
}

/** Puts an act in the queue and answers where it is followed. */
export async function submit(
  parts: PanelServices,
  context: Ctx,
  operationRequest: OperationRequest,
): Promise<Response> {
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

/** Who has changed the file, as far as the person may know: of others' projects nobody is told what is done with them. */
function changedBy(
  { currentVersion: present, by }: Conflict,
  { person, project }: OperationRequest,
): string | undefined {
  if (present === undefined) return undefined;
  if (!by) return "somebody outside the panel";
  const isVisible = person.admin || by.person === person.email || by.project === project;
  return isVisible ? `${by.person} (${by.what})` : "somebody else in the panel";
}

/** How an act is answered, for the description. */
export const acceptedResponse = {
  202: {
    ...json(acceptedSchema, "It has begun; Location is where it goes on."),
    headers: { Location: { description: "The operation.", schema: { type: "string" as const } } },
  },
};

/** What the platform is asked for. The version of If-Match counts where a context is given. */
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
