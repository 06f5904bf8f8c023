/** Removes a project, and deletes its workspace if confirmed by name. */
import { UserError } from "../../../config/errors.ts";
import { backedUp } from "../../../operate/storage/excluded.ts";
import { personNow } from "../access/authority.ts";
import type { PanelServices } from "../parts.ts";
import { staleVersion } from "../platform/projects-file.ts";
import { Conflict, type OperationRequest, type Person } from "../platform/types.ts";
import {
  acceptedResponse,
  assertCan,
  authorization,
  findProject,
  operationRequest,
  submit,
  versionIn,
} from "./acts.ts";
import type { Catalog, Snapshot } from "./catalog.ts";
import { HttpProblem, invalidFields, projectNotFound } from "./problem.ts";
import { type App, type Ctx, panelRoute } from "./route.ts";
import { deleteQuery, ifMatchHeader, nameParams } from "./schema.ts";

/** Adds the route that deletes a project. */
export function addDelete(app: App, parts: PanelServices, catalog: Catalog): void {
  app.openapi(
    panelRoute({
      method: "delete",
      path: "/api/projects/{name}",
      summary: "Removes an entry and its container, and deletes its workspace if confirmed by name.",
      description:
        "`?workspace=delete&confirm=<name>` permanently deletes the workspace and the sessions, after an update that has removed the container. Where backups are set up a last one is taken first, and kept for 30 days; without it nothing is deleted, unless `backup=skip` is sent. An admin can delete the leftovers of a project without an entry in the same way.",
      request: { params: nameParams, query: deleteQuery, headers: ifMatchHeader },
      responses: acceptedResponse,
      problems: [409],
    }),
    async (context) => {
      const person = context.get("person");
      const { name } = context.req.valid("param");
      const { workspace, confirm, backup } = context.req.valid("query");
      const deletesWorkspace = workspace === "delete";
      context.set("act", { name: "delete", project: name });
      const snapshot = catalog.readSnapshot();
      // Once its entry is removed nobody knows that it wants no backups.
      const withoutBackup = backup === "skip" || isExcluded(snapshot, name);
      const words = withoutBackup ? "with workspace, without a last backup" : "with workspace";
      const detail = deletesWorkspace ? { detail: words } : {};
      context.set("act", { name: "delete", project: name, ...detail });
      const isLeftover = deletesWorkspace && person.admin && !hasEntry(snapshot, name);
      if (isLeftover) await assertLeftover(parts, context, snapshot, name);
      else assertCan(parts, person, findProject(parts, snapshot, person, name).project, "delete");
      if (deletesWorkspace && confirm !== name)
        throw invalidFields([{ path: "confirm", message: `must be ${name} to delete its workspace` }]);
      if (isLeftover) return submitLeftover(parts, catalog, { context, person, name, withoutBackup });
      return submit(parts, context, {
        ...operationRequest(person, "delete", name, { kind: "remove", name }, context),
        authorize: authorization(parts, person, "delete", name),
        ...(deletesWorkspace
          ? {
              afterwards: (report, whileOpen) =>
                parts.deleteWorkspace(name, { withoutBackup, report, whileOpen }),
            }
          : {}),
      });
    },
  );
}

const isExcluded = ({ projectEntries: listed }: Snapshot, name: string): boolean =>
  backedUp(listed.map(({ project }) => project)).some((each) => each.name === name && each.isExcluded);

const hasEntry = ({ projectEntries: listed }: Snapshot, name: string): boolean =>
  listed.some(({ project }) => project.name === name);

/** Throws unless the project has no entry and left a workspace. */
async function assertLeftover(
  parts: PanelServices,
  context: Ctx,
  snapshot: Snapshot,
  name: string,
): Promise<void> {
  const wanted = versionIn(context);
  if (wanted !== undefined && wanted !== snapshot.version) throw staleVersion(snapshot.version);
  if (snapshot.isStale)
    throw new HttpProblem(
      503,
      `projects.yaml is invalid and may have an entry ${name}: run \`npm run check\` and fix it.`,
    );
  if (!(await hasWorkspace(parts, name))) throw projectNotFound(name);
}

/** Answers 503 for a UserError: a droplet that is not responding is not the request's fault. */
async function hasWorkspace(parts: PanelServices, name: string): Promise<boolean> {
  try {
    return await parts.hasWorkspace(name);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    throw new HttpProblem(503, error.message);
  }
}

/** Submits an update, which removes a leftover container, then deletes the workspace. */
function submitLeftover(
  parts: PanelServices,
  catalog: Catalog,
  {
    context,
    person,
    name,
    withoutBackup,
  }: { context: Ctx; person: Person; name: string; withoutBackup: boolean },
): Promise<Response> {
  const afterwards: OperationRequest["afterwards"] = async (report, whileOpen) => {
    const snapshot = catalog.readSnapshot();
    if (snapshot.isStale || hasEntry(snapshot, name))
      throw new Conflict(
        `The workspace of ${name} was kept: projects.yaml ${snapshot.isStale ? "is invalid" : "has that project again"}`,
      );
    await parts.deleteWorkspace(name, { withoutBackup, report, whileOpen });
  };
  const authorize = () => {
    if (!personNow(person, parts.authority()).admin) throw projectNotFound(name);
  };
  return submit(parts, context, {
    ...operationRequest(person, "delete", name, undefined),
    authorize,
    afterwards,
  });
}
