/** Takes a project back to the release of opencode, and the sessions, that it had before. */
import type { Session } from "../../../opencode/api/index.ts";
import type { PanelServices } from "../parts.ts";
import { acceptedResponse, assertCan, authorization, findProject, operationRequest, submit } from "./acts.ts";
import type { Catalog } from "./catalog.ts";
import { checkValue } from "./fields.ts";
import { HttpProblem, invalidFields } from "./problem.ts";
import { type App, json, panelRoute, readJson, uncheckedJsonBody } from "./route.ts";
import { ifMatchHeader, nameParams, rollbackBody, rollbackSchema } from "./schema.ts";

/** Longest id and title of a session that are passed on, in characters. */
const LONGEST = 200;

/** A session as far as it is shown: a project's server may have written a book into its title. */
const shorten = ({ id, title = "" }: Session) => ({
  id: id.slice(0, LONGEST),
  title: title.slice(0, LONGEST),
});

const PATH = "/api/projects/{name}/rollback";

/** Adds the routes of a project's rollback. */
export function addRollback(app: App, parts: PanelServices, catalog: Catalog): void {
  addPlan(app, parts, catalog);
  addGoBack(app, parts, catalog);
}

function addPlan(app: App, parts: PanelServices, catalog: Catalog): void {
  app.openapi(
    panelRoute({
      method: "get",
      path: PATH,
      summary: "What going back to the earlier release of opencode means for a project.",
      request: { params: nameParams },
      responses: { 200: json(rollbackSchema, "The release, and the sessions that it won't have.") },
      problems: [409],
    }),
    async (context) => {
      const person = context.get("person");
      const { name } = context.req.valid("param");
      const { project } = findProject(parts, catalog.readSnapshot(), person, name);
      assertCan(parts, person, project, "rollback");
      const { version } = project.opencode;
      const copy = await parts.rollbacks.find(name, version);
      const left = await parts.rollbacks.left(name, version, copy);
      const plan = {
        release: copy.release,
        madeAt: new Date(copy.madeAt).toISOString(),
        ...(left ? { left: left.map(shorten) } : {}),
      };
      return context.json(plan, 200);
    },
  );
}

function addGoBack(app: App, parts: PanelServices, catalog: Catalog): void {
  app.openapi(
    panelRoute({
      method: "post",
      path: PATH,
      summary: "Sets an entry to the release of opencode that the project had before, and runs an update.",
      description:
        "The container then restores the copy of its sessions that was made when the project left that release. 409 if that is not the release in the body.",
      request: { params: nameParams, headers: ifMatchHeader, body: uncheckedJsonBody("GoBack") },
      responses: acceptedResponse,
      problems: [409],
    }),
    async (context) => {
      const person = context.get("person");
      const { name } = context.req.valid("param");
      context.set("act", { name: "rollback", project: name });
      const { project } = findProject(parts, catalog.readSnapshot(), person, name);
      assertCan(parts, person, project, "rollback");
      const { data, problems } = checkValue(rollbackBody, await readJson(context));
      if (problems) throw invalidFields(problems);
      const { release } = data;
      context.set("act", { name: "rollback", project: name, detail: `release: ${release}` });
      const copy = await parts.rollbacks.find(name, project.opencode.version);
      if (copy.release !== release)
        throw new HttpProblem(
          409,
          `${name} would go back to opencode ${copy.release} now, not to ${release}. Look again, then confirm.`,
        );
      const edit = { kind: "release" as const, name, version: release };
      return submit(parts, context, {
        ...operationRequest(person, "roll back", name, edit, context),
        authorize: authorization(parts, person, "rollback", name),
      });
    },
  );
}
