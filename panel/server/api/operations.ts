/** Operations and their progress. */
import { personNow } from "../access/authority.ts";
import { canFollow, isHiddenFrom, type Visibility, visibilityFor } from "../access/permissions.ts";
import type { PanelServices } from "../parts.ts";
import type { Operation, OperationEvent, Person } from "../platform/types.ts";
import { goesOn } from "./acts.ts";
import type { Catalog } from "./catalog.ts";
import { HttpProblem } from "./problem.ts";
import { type App, type Ctx, eventStream, json, panelRoute } from "./route.ts";
import { operationParams, operationSchema, operationsSchema } from "./schema.ts";
import type { ServerEvent } from "./sse.ts";

/** Adds the routes below /api/operations. */
export function addOperations(app: App, parts: PanelServices, catalog: Catalog): void {
  const now = (person: Person) => personNow(person, parts.authority());
  const visibility = (person: Person): Visibility =>
    visibilityFor(
      now(person),
      catalog.readCached().projectEntries.map(({ project }) => project),
      parts.authority(),
    );
  const find = (person: Person, id: string): Operation => {
    const operation = parts.operations.get(id);
    if (!operation || !canFollow(person, operation, visibility(person)))
      throw new HttpProblem(404, `Operation ${id} not found.`);
    return operation;
  };
  app.openapi(
    panelRoute({
      method: "get",
      path: "/api/operations",
      summary: "Recent operations, newest first.",
      responses: { 200: json(operationsSchema, "Operations that the person can follow.") },
    }),
    (context) => {
      const person = context.get("person");
      const seen = visibility(person);
      const operations = parts.operations.list().filter((operation) => canFollow(person, operation, seen));
      return context.json({ operations }, 200);
    },
  );
  app.openapi(
    panelRoute({
      method: "get",
      path: "/api/operations/{id}",
      summary: "One operation.",
      request: { params: operationParams },
      responses: { 200: json(operationSchema, "The operation.") },
    }),
    (context) => context.json(find(context.get("person"), context.req.valid("param").id), 200),
  );
  app.openapi(
    panelRoute({
      method: "get",
      path: "/api/operations/{id}/events",
      summary: "An operation's events, from its start or after Last-Event-ID, until it ends.",
      description:
        "Events `progress` (data: Progress) per resource, `message` (data: Message) of the engine, `state` (data: Operation).",
      request: { params: operationParams },
      responses: { 200: eventStream("Events `progress`, `message` and `state`, with ids.") },
    }),
    (context) => {
      const person = context.get("person");
      const { id } = context.req.valid("param");
      find(person, id);
      const events = parts.operations.events(id, lastEventId(context));
      return parts.streams.respond(
        context,
        () => visibleEvents(events, () => visibility(person)),
        goesOn(parts, catalog, person, (current) => {
          const operation = parts.operations.get(id);
          return operation !== undefined && canFollow(current, operation, visibility(current));
        }),
      );
    },
  );
}

function lastEventId(context: Ctx): number | undefined {
  const header = context.req.header("last-event-id") ?? "";
  return /^\d{1,9}$/.test(header) ? Number(header) : undefined;
}

/** Leaves out events about projects that the person can't see, as an update covers all operations. */
async function* visibleEvents(
  events: AsyncIterable<OperationEvent>,
  seen: () => Visibility,
): AsyncIterable<ServerEvent> {
  for await (const event of events) if (!isHiddenFrom(event, seen())) yield event;
}
