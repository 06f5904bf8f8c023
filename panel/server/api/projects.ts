/** Routes of projects. */
import { adminOnlyChanges, canCreate } from "../access/permissions.ts";
import type { PanelServices } from "../parts.ts";
import type { Entry, EntryValues } from "../platform/types.ts";
import { acceptedResponse, assertCanAct, findProject, operationRequest, submit } from "./acts.ts";
import type { Catalog } from "./catalog.ts";
import { checkEntry, replaceProblems, type SecretValues, splitSecretValues } from "./entry-check.ts";
import { overviewEvents, overviewOf } from "./overview.ts";
import { HttpProblem, invalidFields } from "./problem.ts";
import { addDelete } from "./removal.ts";
import { addRollback } from "./rollback.ts";
import {
  type App,
  type Ctx,
  eventStream,
  json,
  jsonBody,
  panelRoute,
  readJson,
  uncheckedJsonBody,
} from "./route.ts";
import { checkBody, checkResultSchema, ifMatchHeader, nameParams, overviewSchema } from "./schema.ts";

/** Milliseconds that a list waits for the first usage figures. */
const USAGE_TIMEOUT_MS = 1500;

/** Adds the routes below /api/projects, except logs. */
export function addProjects(app: App, parts: PanelServices, catalog: Catalog): void {
  addReads(app, parts, catalog);
  addCreate(app, parts, catalog);
  addChange(app, parts, catalog);
  addDelete(app, parts, catalog);
  addStartStop(app, parts, catalog, "start");
  addStartStop(app, parts, catalog, "stop");
  addRollback(app, parts, catalog);
}

function addReads(app: App, parts: PanelServices, catalog: Catalog): void {
  app.openapi(
    panelRoute({
      method: "get",
      path: "/api/projects",
      summary: "The projects that the person can open, with state and usage.",
      responses: {
        200: {
          ...json(overviewSchema, "The list."),
          headers: { ETag: { description: "Version of projects.yaml.", schema: { type: "string" } } },
        },
      },
    }),
    async (context) => {
      const release = parts.usage.listen();
      await parts.usage.settled(USAGE_TIMEOUT_MS);
      release();
      const overview = overviewOf(parts, catalog.readSnapshot(), context.get("person"));
      return context.json(overview, 200, { ETag: `"${overview.version}"` });
    },
  );
  app.openapi(
    panelRoute({
      method: "get",
      path: "/api/projects/events",
      summary: "The list, again on each change.",
      description: "Events `projects`, with the data of GET /api/projects. A comment every 15 s.",
      responses: { 200: eventStream("Events `projects` (data: Overview).") },
    }),
    (context) =>
      parts.streams.respond(context, (signal) =>
        overviewEvents(parts, catalog, context.get("person"), signal),
      ),
  );
  app.openapi(
    panelRoute({
      method: "post",
      path: "/api/projects/check",
      summary: "Checks an entry, with the messages of projects.yaml's check.",
      request: { body: jsonBody(checkBody) },
      responses: { 200: json(checkResultSchema, "The problems; empty for a valid entry.") },
    }),
    (context) => {
      const person = context.get("person");
      const snapshot = catalog.readSnapshot();
      const { entry, replaces, secretValues = {} } = context.req.valid("json");
      const values = Object.fromEntries(Object.entries(secretValues).filter(([, value]) => value !== ""));
      if (replaces === undefined) {
        if (!canCreate(person)) throw new HttpProblem(403, "Only an admin can create projects.");
        const edit = { kind: "add" as const, entry: entry as unknown as Entry };
        return context.json({ problems: checkEntry(parts, snapshot, edit, values) }, 200);
      }
      const { entry: before } = findProject(parts, snapshot, person, replaces);
      const edit = { kind: "change" as const, name: replaces, values: replaceProblems(before, entry) };
      return context.json({ problems: checkEntry(parts, snapshot, edit, values) }, 200);
    },
  );
}

function addCreate(app: App, parts: PanelServices, catalog: Catalog): void {
  app.openapi(
    panelRoute({
      method: "post",
      path: "/api/projects",
      summary: "Adds an entry to projects.yaml, stores its secrets, and runs an update.",
      request: { headers: ifMatchHeader, body: uncheckedJsonBody("NewProject") },
      responses: acceptedResponse,
      problems: [409],
    }),
    async (context) => {
      const person = context.get("person");
      context.set("act", { name: "create" });
      if (!canCreate(person)) throw new HttpProblem(403, "Only an admin can create projects.");
      const { fields, secretValues } = splitSecretValues(await readJson(context));
      const entry = fields as unknown as Entry;
      auditDetails(context, "create", String(entry.name), fields, secretValues);
      const edit = { kind: "add" as const, entry };
      throwIfInvalid(checkEntry(parts, catalog.readSnapshot(), edit, secretValues));
      return submit(
        parts,
        context,
        operationRequest(person, "create", entry.name, edit, context, secretValues),
      );
    },
  );
}

function addChange(app: App, parts: PanelServices, catalog: Catalog): void {
  app.openapi(
    panelRoute({
      method: "patch",
      path: "/api/projects/{name}",
      summary: "Changes keys of an entry, and runs an update.",
      request: { params: nameParams, headers: ifMatchHeader, body: uncheckedJsonBody("ProjectChange") },
      responses: acceptedResponse,
      problems: [409],
    }),
    async (context) => {
      const person = context.get("person");
      const { name } = context.req.valid("param");
      context.set("act", { name: "change", project: name });
      const snapshot = catalog.readSnapshot();
      const { entry } = findProject(parts, snapshot, person, name);
      assertCanAct(person);
      const { fields, secretValues } = splitSecretValues(await readJson(context));
      auditDetails(context, "change", name, fields, secretValues);
      const edit = { kind: "change" as const, name, values: fields as EntryValues };
      throwIfInvalid(checkEntry(parts, snapshot, edit, secretValues));
      const errors = adminOnlyChanges(person, entry, edit.values, Object.keys(secretValues));
      if (errors.length > 0) throw new HttpProblem(403, "Some of these changes need an admin.", { errors });
      return submit(parts, context, operationRequest(person, "change", name, edit, context, secretValues));
    },
  );
}

function addStartStop(app: App, parts: PanelServices, catalog: Catalog, act: "start" | "stop"): void {
  app.openapi(
    panelRoute({
      method: "post",
      path: `/api/projects/{name}/${act}`,
      summary: `${act === "start" ? "Starts" : "Stops"} the container at once, and records that in projects.yaml.`,
      request: { params: nameParams },
      responses: acceptedResponse,
      problems: [409],
    }),
    async (context) => {
      const person = context.get("person");
      const { name } = context.req.valid("param");
      context.set("act", { name: act, project: name });
      const { entry } = findProject(parts, catalog.readSnapshot(), person, name);
      assertCanAct(person);
      const isStopped = entry.state === "stopped";
      const values = act === "stop" ? { state: "stopped" as const } : isStopped ? { state: null } : {};
      return submit(parts, context, {
        ...operationRequest(person, act, name, { kind: "change", name, values }),
        atOnce: () => viaDocker(() => parts.control[act](name), name, act),
      });
    },
  );
}

/** Starts or stops the container, if there is one. @throws HttpProblem (503) if Docker fails */
async function viaDocker(work: () => Promise<boolean>, name: string, act: string): Promise<void> {
  try {
    await work();
  } catch (error) {
    const why = (error as { reason?: string }).reason ?? (error as Error).message;
    throw new HttpProblem(503, `Docker could not ${act} ${name}: ${why}`);
  }
}

function throwIfInvalid(problems: ReturnType<typeof checkEntry>): void {
  if (problems.length > 0) throw invalidFields(problems);
}

/** Sets the audit log's detail: names of changed keys and secrets, never values. */
function auditDetails(
  context: Ctx,
  name: string,
  project: string,
  fields: Readonly<Record<string, unknown>>,
  secretValues: SecretValues,
): void {
  const list = (title: string, keys: readonly string[]) =>
    keys.length > 0 ? [`${title}: ${keys.join(", ").slice(0, 300)}`] : [];
  const detail = [...list("keys", Object.keys(fields)), ...list("secrets", Object.keys(secretValues))];
  context.set("act", { name, project: project.slice(0, 64), detail: detail.join("; ") });
}
