/** What every act on a project has in common: whose it is, what is asked of the platform, and how it is answered. */
import { mayAct, maySee } from "../access/permissions.ts";
import type { Parts } from "../parts.ts";
import { Conflict, type Edit, type OperationRequest, type Person } from "../platform/types.ts";
import type { Listed, Snapshot } from "./catalog.ts";
import type { SecretValues } from "./entry-check.ts";
import { conflict, noProject, Refusal, toRefusal } from "./problem.ts";
import { type Ctx, json } from "./route.ts";
import { startedSchema } from "./schema.ts";

/** @throws Refusal (404) also for a project that the person may not know of */
export function findListed(parts: Parts, snapshot: Snapshot, person: Person, name: string): Listed {
  const found = snapshot.listed.find(({ project }) => project.name === name);
  if (!found || !maySee(person, found.project, parts.defaults)) throw noProject(name);
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
export function assertMayAct(person: Person): void {
  if (!mayAct(person)) throw new Refusal(403, "A machine's token may look, and change nothing.");
}

/** Puts an act in the queue and answers where it is followed. */
export async function submit(parts: Parts, context: Ctx, request: OperationRequest): Promise<Response> {
  try {
    const operation = await parts.operations.submit(request);
    const act = context.get("act");
    if (act) act.operation = operation.id;
    return context.json({ operation }, 202, { Location: `/api/operations/${operation.id}` });
  } catch (error) {
    if (error instanceof Conflict) throw conflict(error, changedBy(error, request));
    throw toRefusal(error, request.project);
  }
}

/** Who has changed the file, as far as the person may know: of others' projects nobody is told what is done with them. */
function changedBy({ present, by }: Conflict, { person, project }: OperationRequest): string | undefined {
  if (present === undefined) return undefined;
  if (!by) return "somebody outside the panel";
  const mayKnow = person.admin || by.person === person.email || by.project === project;
  return mayKnow ? `${by.person} (${by.what})` : "somebody else in the panel";
}

/** How an act is answered, for the description. */
export const started = {
  202: {
    ...json(startedSchema, "It has begun; Location is where it goes on."),
    headers: { Location: { description: "The operation.", schema: { type: "string" as const } } },
  },
};

/** What the platform is asked for. The version of If-Match counts where a context is given. */
export function request(
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
