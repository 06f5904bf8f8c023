/** A project's checkpoints: for whoever may change it. */
import type { PanelServices } from "../parts.ts";
import { acceptedResponse } from "./acts.ts";
import { checkpointBody, checkpointParams } from "./backups-schema.ts";
import type { Catalog } from "./catalog.ts";
import { type App, panelRoute, uncheckedJsonBody } from "./route.ts";
import { nameParams } from "./schema.ts";
import { begun, bodyOf, done, onProgress, submitWork } from "./storage-work.ts";

const PROJECT = "/api/projects/{name}";

/** Adds the routes. The list is with the backups. */
export function addCheckpoints(app: App, parts: PanelServices, catalog: Catalog): void {
  addNew(app, parts, catalog);
  addActs(app, parts, catalog);
}

function addNew(app: App, parts: PanelServices, catalog: Catalog): void {
  app.openapi(
    panelRoute({
      method: "post",
      path: `${PROJECT}/checkpoints`,
      summary: "Keeps a project as it is now beside it, on the same disk.",
      request: { params: nameParams, body: uncheckedJsonBody("NewCheckpoint") },
      responses: acceptedResponse,
      problems: [409],
    }),
    async (context) => {
      const { name } = context.req.valid("param");
      begun(parts, catalog, context, name, "checkpoint");
      const { label } = await bodyOf(context, checkpointBody);
      return submitWork(parts, catalog, context, name, {
        act: "checkpoint",
        what: `make a checkpoint of ${name}`,
        ...(label === undefined ? {} : { detail: `label: ${label}` }),
        work: async ({ report }) => {
          const answer = await parts.storage.checkpoint(name, { label }, onProgress(report));
          done(answer, name);
        },
      });
    },
  );
}

/** What is done to a checkpoint. */
const ACTS = {
  rollback: {
    method: "post",
    path: `${PROJECT}/checkpoints/{id}/rollback`,
    act: "roll back to a checkpoint",
    summary: "Takes a project back to a checkpoint.",
    description: "Files, sessions and services. What it has now is kept as the checkpoint `before-rollback`.",
    what: (name: string, id: string) => `take ${name} back to ${id}`,
  },
  drop: {
    method: "delete",
    path: `${PROJECT}/checkpoints/{id}`,
    act: "delete a checkpoint",
    summary: "Deletes a checkpoint.",
    description: "The project stays as it is.",
    what: (name: string, id: string) => `delete the checkpoint ${id} of ${name}`,
  },
} as const;

function addActs(app: App, parts: PanelServices, catalog: Catalog): void {
  for (const verb of ["rollback", "drop"] as const) {
    const { method, path, act, summary, description, what } = ACTS[verb];
    app.openapi(
      panelRoute({
        method,
        path,
        summary,
        description,
        request: { params: checkpointParams },
        responses: acceptedResponse,
        problems: [409],
      }),
      async (context) => {
        const { name, id } = context.req.valid("param");
        return submitWork(parts, catalog, context, name, {
          act,
          what: what(name, id),
          detail: `checkpoint: ${id}`,
          work: async ({ report }) => {
            done(await parts.storage[verb](name, id, onProgress(report)), name);
          },
        });
      },
    );
  }
}
