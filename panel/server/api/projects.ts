/** What can be seen of projects, and done with them. */
import { mayCreate, notTheirs } from "../access/permissions.ts";
import type { Parts } from "../parts.ts";
import type { Entry, EntryValues } from "../platform/types.ts";
import { assertMayAct, findListed, request, started, submit } from "./acts.ts";
import type { Catalog } from "./catalog.ts";
import { checkEntry, replacing, type SecretValues, takeApart } from "./entry-check.ts";
import { overviewEvents, overviewOf } from "./overview.ts";
import { Refusal, wrongFields } from "./problem.ts";
import { addDelete } from "./removal.ts";
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
import { checkBody, checkedSchema, ifMatchHeader, nameParams, overviewSchema } from "./schema.ts";

/** How long a look at the list waits for figures that nobody has asked for yet. */
const FIGURES_MS = 1500;

/** Adds the routes below /api/projects but for logs. */
export function addProjects(app: App, parts: Parts, catalog: Catalog): void {
  addLooks(app, parts, catalog);
  addCreate(app, parts, catalog);
  addChange(app, parts, catalog);
  addDelete(app, parts, catalog);
  addSwitch(app, parts, catalog, "start");
  addSwitch(app, parts, catalog, "stop");
}

function addLooks(app: App, parts: Parts, catalog: Catalog): void {
  app.openapi(
    panelRoute({
      method: "get",
      path: "/api/projects",
      summary: "The projects that the person may open, with state and figures.",
      responses: {
        200: {
          ...json(overviewSchema, "The list."),
          headers: { ETag: { description: "Version of projects.yaml.", schema: { type: "string" } } },
        },
      },
    }),
    async (context) => {
      const release = parts.usage.listen();
      await parts.usage.settled(FIGURES_MS);
      release();
      const overview = overviewOf(parts, catalog.look(), context.get("person"));
      return context.json(overview, 200, { ETag: `"${overview.version}"` });
    },
  );
  app.openapi(
    panelRoute({
      method: "get",
      path: "/api/projects/events",
      summary: "The list again each time that something in it changes.",
      description: "Events `projects`, whose data is what GET /api/projects answers. A comment every 15 s.",
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
      summary: "What is wrong with an entry, in the words that projects.yaml's check has.",
      request: { body: jsonBody(checkBody) },
      responses: { 200: json(checkedSchema, "The mistakes; none for an entry that can be had.") },
    }),
    (context) => {
      const person = context.get("person");
      const snapshot = catalog.look();
      const { entry, replaces, secretValues = {} } = context.req.valid("json");
      const values = Object.fromEntries(Object.entries(secretValues).filter(([, value]) => value !== ""));
      if (replaces === undefined) {
        if (!mayCreate(person)) throw new Refusal(403, "Only an admin can create projects.");
        const edit = { kind: "add" as const, entry: entry as unknown as Entry };
        return context.json({ problems: checkEntry(parts, snapshot, edit, values) }, 200);
      }
      const { entry: before } = findListed(parts, snapshot, person, replaces);
      const edit = { kind: "change" as const, name: replaces, values: replacing(before, entry) };
      return context.json({ problems: checkEntry(parts, snapshot, edit, values) }, 200);
    },
  );
}

function addCreate(app: App, parts: Parts, catalog: Catalog): void {
  app.openapi(
    panelRoute({
      method: "post",
      path: "/api/projects",
      summary: "Adds an entry to projects.yaml, keeps its secrets, and runs an update.",
      request: { headers: ifMatchHeader, body: uncheckedJsonBody("NewProject") },
      responses: started,
      problems: [409],
    }),
    async (context) => {
      const person = context.get("person");
      context.set("act", { name: "create" });
      if (!mayCreate(person)) throw new Refusal(403, "Only an admin can create projects.");
      const { fields, secretValues } = takeApart(await readJson(context));
      const entry = fields as unknown as Entry;
      note(context, "create", String(entry.name), fields, secretValues);
      const edit = { kind: "add" as const, entry };
      refuseWrong(checkEntry(parts, catalog.look(), edit, secretValues));
      return submit(parts, context, request(person, "create", entry.name, edit, context, secretValues));
    },
  );
}

function addChange(app: App, parts: Parts, catalog: Catalog): void {
  app.openapi(
    panelRoute({
      method: "patch",
      path: "/api/projects/{name}",
      summary: "Changes keys of an entry, and runs an update.",
      request: { params: nameParams, headers: ifMatchHeader, body: uncheckedJsonBody("ProjectChange") },
      responses: started,
      problems: [409],
    }),
    async (context) => {
      const person = context.get("person");
      const { name } = context.req.valid("param");
      context.set("act", { name: "change", project: name });
      const snapshot = catalog.look();
      const { entry } = findListed(parts, snapshot, person, name);
      assertMayAct(person);
      const { fields, secretValues } = takeApart(await readJson(context));
      note(context, "change", name, fields, secretValues);
      const edit = { kind: "change" as const, name, values: fields as EntryValues };
      refuseWrong(checkEntry(parts, snapshot, edit, secretValues));
      const errors = notTheirs(person, entry, edit.values, Object.keys(secretValues));
      if (errors.length > 0) throw new Refusal(403, "Some of this only an admin can change.", { errors });
      return submit(parts, context, request(person, "change", name, edit, context, secretValues));
    },
  );
}

function addSwitch(app: App, parts: Parts, catalog: Catalog, act: "start" | "stop"): void {
  app.openapi(
    panelRoute({
      method: "post",
      path: `/api/projects/{name}/${act}`,
      summary: `${act === "start" ? "Starts" : "Stops"} the container at once, and records that in projects.yaml.`,
      request: { params: nameParams },
      responses: started,
      problems: [409],
    }),
    async (context) => {
      const person = context.get("person");
      const { name } = context.req.valid("param");
      context.set("act", { name: act, project: name });
      const { entry } = findListed(parts, catalog.look(), person, name);
      assertMayAct(person);
      await viaDocker(() => parts.control[act](name), name, act);
      const isStopped = entry.state === "stopped";
      const values = act === "stop" ? { state: "stopped" as const } : isStopped ? { state: null } : {};
      return submit(parts, context, request(person, act, name, { kind: "change", name, values }));
    },
  );
}

/** Without a container there is nothing to do at once: the update makes one, or none. */
async function viaDocker(work: () => Promise<boolean>, name: string, act: string): Promise<void> {
  try {
    await work();
  } catch (error) {
    const why = (error as { reason?: string }).reason ?? (error as Error).message;
    throw new Refusal(503, `Docker could not ${act} ${name}: ${why}`);
  }
}

function refuseWrong(problems: ReturnType<typeof checkEntry>): void {
  if (problems.length > 0) throw wrongFields(problems);
}

/** For the audit log: which keys and which secrets, never what they become. */
function note(
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
