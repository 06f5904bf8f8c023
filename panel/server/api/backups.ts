/** A project's backups, and forks of it: for whoever may change it. */
import type { Project } from "../../../config/projects/project.ts";
import type { StorageStatus } from "../../../operate/storage/client.ts";
import { backedUpOf } from "../../../operate/storage/excluded.ts";
import { backupProblems } from "../../../operate/storage/judge.ts";
import { personNow } from "../access/authority.ts";
import type { PanelServices } from "../parts.ts";
import { acceptedResponse, assertCan, findProject } from "./acts.ts";
import { backupsSchema, forkBody, restoreBody } from "./backups-schema.ts";
import type { Catalog } from "./catalog.ts";
import { addCheckpoints } from "./checkpoints.ts";
import { answeredOr, submitCopy } from "./copies.ts";
import { shownTo, wantedBackup } from "./own-backups.ts";
import { invalidFields } from "./problem.ts";
import { type App, json, panelRoute, uncheckedJsonBody } from "./route.ts";
import { nameParams } from "./schema.ts";
import { begun, bodyOf, done, onProgress, submitWork } from "./storage-work.ts";

const PROJECT = "/api/projects/{name}";

/** Adds the routes. What they begin are operations beside the updates. */
export function addBackups(app: App, parts: PanelServices, catalog: Catalog): void {
  addList(app, parts, catalog);
  addBackUp(app, parts, catalog);
  addRestore(app, parts, catalog);
  addCheckpoints(app, parts, catalog);
  addFork(app, parts, catalog);
}

function addList(app: App, parts: PanelServices, catalog: Catalog): void {
  app.openapi(
    panelRoute({
      method: "get",
      path: `${PROJECT}/backups`,
      summary: "A project's backups and checkpoints.",
      description:
        "For its owners and admins. Backups of an earlier project of its name are listed for admins alone.",
      request: { params: nameParams },
      responses: { 200: json(backupsSchema, "What it can go back to.") },
      problems: [409],
    }),
    async (context) => {
      const { name } = context.req.valid("param");
      const person = context.get("person");
      const { project } = findProject(parts, catalog.readSnapshot(), person, name);
      assertCan(parts, person, project, "change");
      const { storage } = parts;
      const what = `The backups of ${name} can't be listed`;
      const status = answeredOr(await storage.status(), what);
      const [checkpoints, backups] = await Promise.all([
        storage.checkpoints(name),
        status.backup ? storage.backups(name) : undefined,
      ]);
      const isAdmin = personNow(person, parts.authority()).admin;
      const answer = {
        ...statusOf(status, project, isAdmin),
        backups: backups
          ? shownTo(isAdmin, answeredOr(backups, what)).map(({ project: _, ...rest }) => rest)
          : [],
        checkpoints: [...answeredOr(checkpoints, what)],
      };
      return context.json(answer, 200);
    },
  );
}

/** What is said of the backups as a whole. Where they go is the admins'. */
function statusOf({ backup, running, fileSystem }: StorageStatus, of: Project, isAdmin: boolean) {
  const [problem] = backup
    ? backupProblems({ ...backup, check: undefined, tried: undefined }, [backedUpOf(of)], Date.now())
    : [];
  const now = running.find(({ project }) => project === of.name);
  return {
    setUp: backup !== undefined,
    isSnapshot: fileSystem === "btrfs",
    ...(backup && isAdmin ? { to: backup.to } : {}),
    ...(backup ? { everyMs: backup.everyMs } : {}),
    ...(problem ? { problem: problem.what } : {}),
    ...(now ? { running: { what: now.what, since: now.since } } : {}),
  };
}

function addBackUp(app: App, parts: PanelServices, catalog: Catalog): void {
  app.openapi(
    panelRoute({
      method: "post",
      path: `${PROJECT}/backups`,
      summary: "Backs a project up now.",
      description: "The operation goes on beside updates. A project that sleeps is not woken.",
      request: { params: nameParams },
      responses: acceptedResponse,
      problems: [409],
    }),
    async (context) => {
      const { name } = context.req.valid("param");
      return submitWork(parts, catalog, context, name, {
        act: "backup",
        what: `back up ${name}`,
        work: async ({ report }) => {
          const answer = await parts.storage.backup(name, undefined, onProgress(report));
          done(answer, name);
        },
      });
    },
  );
}

function addRestore(app: App, parts: PanelServices, catalog: Catalog): void {
  app.openapi(
    panelRoute({
      method: "post",
      path: `${PROJECT}/restore`,
      summary: "Brings a project, or one file or folder of it, back from a backup.",
      description:
        "What is there is backed up first. With `into` it becomes a new project, with a copy of the entry, and the original stays as it is. On any failure the project goes on as it was. A backup of an earlier project of the name is for admins alone.",
      request: { params: nameParams, body: uncheckedJsonBody("Restore") },
      responses: acceptedResponse,
      problems: [409],
    }),
    async (context) => {
      const { name } = context.req.valid("param");
      const { person, snapshot } = begun(parts, catalog, context, name, "restore");
      const { into, path, at: asked } = await bodyOf(context, restoreBody);
      const detail = [
        `at: ${asked}`,
        ...(path ? [`path: ${path.slice(0, 200)}`] : []),
        ...(into ? [`into: ${into}`] : []),
      ];
      context.set("act", { name: "restore", project: name, detail: detail.join("; ") });
      const at = await wantedBackup(parts, person, name, asked);
      if (into === undefined)
        return submitWork(parts, catalog, context, name, {
          act: "restore",
          what: `restore ${name}`,
          detail: detail.join("; "),
          work: async ({ report }) => {
            const request = { project: name, at, ...(path === undefined ? {} : { path }) };
            done(await parts.storage.restore(request, onProgress(report)), name);
          },
        });
      if (path !== undefined)
        throw invalidFields([{ path: "path", message: "can't be restored into a new project" }]);
      return submitCopy(parts, snapshot, {
        context,
        person,
        from: name,
        to: into,
        field: "into",
        what: `restore ${name} as ${into}`,
        fill: async (owner, report) => {
          const answer = await parts.storage.restore({ project: name, at, into: owner }, onProgress(report));
          done(answer, into);
        },
      });
    },
  );
}

function addFork(app: App, parts: PanelServices, catalog: Catalog): void {
  app.openapi(
    panelRoute({
      method: "post",
      path: `${PROJECT}/fork`,
      summary: "Adds a project that begins as another is now.",
      description:
        "A copy of its entry, secrets, files, sessions and services, with a hostname and password of its own and a git branch of that name. For whoever may change the project and create one.",
      request: { params: nameParams, body: uncheckedJsonBody("Fork") },
      responses: acceptedResponse,
      problems: [409],
    }),
    async (context) => {
      const { name } = context.req.valid("param");
      const { person, snapshot } = begun(parts, catalog, context, name, "fork");
      const { name: to, withLogins = false } = await bodyOf(context, forkBody);
      const detail = `as: ${to}${withLogins ? "; with log-ins" : ""}`;
      context.set("act", { name: "fork", project: name, detail });
      return submitCopy(parts, snapshot, {
        context,
        person,
        from: name,
        to,
        field: "name",
        what: `fork ${name} as ${to}`,
        fill: async (owner, report) => {
          const answer = await parts.storage.fork({ from: name, to: owner, withLogins }, onProgress(report));
          done(answer, to);
        },
      });
    },
  );
}
