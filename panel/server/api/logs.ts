/** Logs of a project's container. */
import { canSee } from "../access/permissions.ts";
import type { PanelServices } from "../parts.ts";
import type { Person } from "../platform/types.ts";
import { begin, findProject, goesOn } from "./acts.ts";
import type { Catalog } from "./catalog.ts";
import { type App, panelRoute } from "./route.ts";
import { DEFAULT_LINES, type LogLine, logLinesSchema, logsQuery, nameParams } from "./schema.ts";
import type { ServerEvent } from "./sse.ts";

/** Adds the logs route. */
export function addLogs(app: App, parts: PanelServices, catalog: Catalog): void {
  app.openapi(
    panelRoute({
      method: "get",
      path: "/api/projects/{name}/logs",
      summary: "The last lines of a project's log; with follow=1 a stream of them and of new lines.",
      description:
        "The stream has events `line` (data: LogLine). It continues when the container is restarted or replaced, with a line of the stream `panel`.",
      request: { params: nameParams, query: logsQuery },
      responses: {
        200: {
          description: "The lines, or events `line`.",
          content: {
            "application/json": { schema: logLinesSchema },
            "text/event-stream": { schema: { type: "string" } },
          },
        },
      },
    }),
    async (context) => {
      const { name } = context.req.valid("param");
      const query = context.req.valid("query");
      context.set("act", { name: "read logs", project: name });
      const person = context.get("person");
      findProject(parts, catalog.readSnapshot(), person, name);
      await begin(parts, context);
      const lines = query.lines === undefined ? DEFAULT_LINES : Number(query.lines);
      if (query.follow === "1")
        return parts.streams.respond(
          context,
          (signal) => toEvents(parts.logs.follow(name, lines, signal)),
          goesOn(parts, catalog, person, (now) => canSeeNow(parts, catalog, now, name)),
        );
      return context.json({ lines: await parts.logs.last(name, lines) }, 200);
    },
  );
}

function canSeeNow(parts: PanelServices, catalog: Catalog, person: Person, name: string): boolean {
  const found = catalog.readCached().projectEntries.find(({ project }) => project.name === name);
  return found !== undefined && canSee(person, found.project, parts.authority());
}

async function* toEvents(lines: AsyncIterable<LogLine>): AsyncIterable<ServerEvent> {
  for await (const data of lines) yield { event: "line", data };
}
