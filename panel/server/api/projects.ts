/** Routes of projects. */
import { isDeepStrictEqual } from "node:util";
import { checkpointFirst } from "../../../operate/storage/first.ts";
import type { Authority } from "../access/authority.ts";
import { adminOnlyChanges, ownedBy, withoutKeptKeys } from "../access/permissions.ts";
import type { PanelServices } from "../parts.ts";
import type { Entry, EntryValues, Person } from "../platform/types.ts";
import {
  acceptedResponse,
  assertCan,
  assertCanCreate,
  authorization,
  findProject,
  goesOn,
  operationRequest,
  submit,
  versionIn,
} from "./acts.ts";
import { addBackups } from "./backups.ts";
import type { Catalog } from "./catalog.ts";
import {
  checkEntry,
  replaceProblems,
  type SecretValues,
  splitLeftover,
  splitSecretValues,
} from "./entry-check.ts";
import { askingAboutLeftover, assertMayKeep, withLeftover } from "./leftover.ts";
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
import { addSetup } from "./setup.ts";
import { addSleep } from "./sleep.ts";

/** Milliseconds that a list waits for the first usage figures, and for the keeper. */
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
  addSetup(app, parts, catalog);
  addSleep(app, parts, catalog);
  addBackups(app, parts, catalog);
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
      await Promise.all([parts.usage.settled(USAGE_TIMEOUT_MS), parts.sleep.settled(USAGE_TIMEOUT_MS)]);
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
      parts.streams.respond(
        context,
        (signal) => overviewEvents(parts, catalog, context.get("person"), signal),
        goesOn(parts, catalog, context.get("person")),
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
        assertCanCreate(parts, person, snapshot.text);
        const edit = { kind: "add" as const, entry: entry as unknown as Entry };
        return context.json({ problems: checkEntry(parts, snapshot, edit, values) }, 200);
      }
      const { entry: before, project } = findProject(parts, snapshot, person, replaces);
      assertCan(parts, person, project, "change");
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
      description:
        "A name under which an earlier project left a workspace or sessions behind is refused (409) without `leftover`; the problem's `leftover` says what the person can choose.",
      request: { headers: ifMatchHeader, body: uncheckedJsonBody("NewProject") },
      responses: acceptedResponse,
      problems: [409],
    }),
    async (context) => {
      const person = context.get("person");
      context.set("act", { name: "create" });
      const snapshot = catalog.readSnapshot();
      assertCanCreate(parts, person, snapshot.text);
      const { fields: sent, secretValues } = splitSecretValues(await readJson(context));
      const { entry: fields, leftover } = splitLeftover(sent);
      const entry = ownedBy(person, fields as unknown as Entry);
      auditDetails(context, "create", String(entry.name), sent, secretValues);
      const edit = { kind: "add" as const, entry };
      throwIfInvalid(checkEntry(parts, snapshot, edit, secretValues));
      const authorize = (text: string) => {
        const now = assertCanCreate(parts, person, text);
        throwIfForAdmins(newEntryProblems(now, entry, Object.keys(secretValues), parts.authority()));
        assertMayKeep(now, leftover);
      };
      authorize(snapshot.text);
      const request = operationRequest(person, "create", entry.name, edit, context, secretValues);
      return askingAboutLeftover(parts, person, entry.name, () =>
        submit(parts, context, { ...request, authorize, ...withLeftover(parts, entry.name, leftover) }),
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
      problems: [409, 428],
    }),
    async (context) => {
      const person = context.get("person");
      const { name } = context.req.valid("param");
      context.set("act", { name: "change", project: name });
      const snapshot = catalog.readSnapshot();
      const { entry, project } = findProject(parts, snapshot, person, name);
      assertCan(parts, person, project, "change");
      if (!person.admin && versionIn(context) === undefined)
        throw new HttpProblem(
          428,
          "Send If-Match with the version of the list that the change was made from.",
        );
      const { fields, secretValues } = splitSecretValues(await readJson(context));
      auditDetails(context, "change", name, fields, secretValues);
      const values = withoutKeptKeys(person, entry, fields as EntryValues);
      const edit = { kind: "change" as const, name, values };
      throwIfInvalid(checkEntry(parts, snapshot, edit, secretValues));
      const note = (line: string) => parts.report(line, context.get("requestId"));
      const authorize = authorization(parts, person, "change", name, (found, now, authority) =>
        throwIfForAdmins(adminOnlyChanges(now, found.entry, values, Object.keys(secretValues), authority)),
      );
      authorize(snapshot.text);
      return submit(parts, context, {
        ...operationRequest(person, "change", name, edit, context, secretValues),
        authorize,
        ...(values.opencode?.version === undefined || values.opencode.version === entry.opencode?.version
          ? {}
          : { atOnce: () => checkpointFirst(parts.storage, name, "before-upgrade", note) }),
      });
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
      const { project } = findProject(parts, catalog.readSnapshot(), person, name);
      assertCan(parts, person, project, act);
      // As it is with the stack's own file, which may decide it: then the edit is refused with the place.
      const isStopped = project.state === "stopped";
      const values = act === "stop" ? { state: "stopped" as const } : isStopped ? { state: null } : {};
      return submit(parts, context, {
        ...operationRequest(person, act, name, { kind: "change", name, values }),
        authorize: authorization(parts, person, act, name),
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

/** What only an admin may say of a new entry. */
function newEntryProblems(person: Person, entry: Entry, provided: readonly string[], authority: Authority) {
  const isOwn = isDeepStrictEqual(entry.owners, [person.email]);
  const { owners, ...others } = entry;
  return adminOnlyChanges(person, {}, isOwn ? others : { ...others, owners }, provided, authority);
}

function throwIfForAdmins(errors: ReturnType<typeof adminOnlyChanges>): void {
  if (errors.length > 0) throw new HttpProblem(403, "Some of these changes need an admin.", { errors });
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
  const { leftover, ...entry } = fields;
  const detail = [
    ...list("keys", Object.keys(entry)),
    ...list("secrets", Object.keys(secretValues)),
    ...(leftover === undefined ? [] : [`leftover: ${leftover}`]),
  ];
  context.set("act", { name, project: project.slice(0, 64), detail: detail.join("; ") });
}
