/** Runs an entry's setup once more, in the project's container. */
import type { PanelServices } from "../parts.ts";
import { assertCan, authorization, begin, findProject } from "./acts.ts";
import type { Catalog } from "./catalog.ts";
import { HttpProblem } from "./problem.ts";
import { type App, json, panelRoute } from "./route.ts";
import { nameParams, setupRunSchema } from "./schema.ts";

/** Adds the route. It needs no update, so it is no operation: how the run goes is the project's state. */
export function addSetup(app: App, parts: PanelServices, catalog: Catalog): void {
  app.openapi(
    panelRoute({
      method: "post",
      path: "/api/projects/{name}/setup",
      summary: "Runs the entry's setup once more, in the container.",
      description:
        "Answers as soon as it begins; the project's state is then `setting-up`, and its log has the output. 409 if the project has no setup, is not running, runs it already, or waits for somebody to trust its repository.",
      request: { params: nameParams },
      responses: { 202: json(setupRunSchema, "It begins.") },
      problems: [409],
    }),
    async (context) => {
      const person = context.get("person");
      const { name } = context.req.valid("param");
      context.set("act", { name: "setup", project: name });
      const { project } = findProject(parts, catalog.readSnapshot(), person, name);
      assertCan(parts, person, project, "setup");
      if (project.setup === undefined) throw new HttpProblem(409, `${name} has no setup.`);
      await begin(parts, context);
      // With the rights that the person has by now.
      authorization(parts, person, "setup", name)(parts.file.read().text);
      return context.json({ run: await parts.setups.request(name) }, 202);
    },
  );
}
