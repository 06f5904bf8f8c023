/** The API's OpenAPI description, generated from the schemas that validate requests. */
import { checkpointBody, forkBody, restoreBody } from "./backups-schema.ts";
import { type App, panelRoute } from "./route.ts";
import { changeBody, createBody, messageSchema, progressSchema, rollbackBody } from "./schema.ts";

const INFO = {
  title: "opencode platform: the panel",
  version: "1",
  description:
    "Lists, creates, changes, stops, starts and deletes the projects of one platform. projects.yaml stays the only source of truth: every change is made there. Errors are problem details (RFC 9457). Streams are server-sent events with a comment every 15 s.",
};

/** Generates the OpenAPI 3.1 description of an app's routes. */
export const documentOf = (app: App) =>
  app.getOpenAPI31Document({ openapi: "3.1.0", info: INFO, security: [{ access: [] }, { key: [] }] });

/** Adds the route of the description. Call it after all other routes. */
export function addOpenApi(app: App): void {
  const { openAPIRegistry: registry } = app;
  registry.registerComponent("securitySchemes", "access", {
    type: "apiKey",
    in: "header",
    name: "Cf-Access-Jwt-Assertion",
    description: "Added by Cloudflare Access, on a droplet.",
  });
  registry.registerComponent("securitySchemes", "key", {
    type: "http",
    scheme: "bearer",
    description: "The key in .runtime/panel/key, on this machine. A browser has a cookie instead.",
  });
  // Bodies that handlers validate, and events' data: no route's schema refers to them.
  registry.register("NewProject", createBody);
  registry.register("ProjectChange", changeBody);
  registry.register("GoBack", rollbackBody);
  registry.register("Restore", restoreBody);
  registry.register("NewCheckpoint", checkpointBody);
  registry.register("Fork", forkBody);
  registry.register("Progress", progressSchema);
  registry.register("Message", messageSchema);
  let text: string | undefined;
  app.openapi(
    panelRoute({
      method: "get",
      path: "/api/openapi.json",
      summary: "This description.",
      responses: {
        200: {
          description: "OpenAPI 3.1.",
          content: { "application/json": { schema: { type: "object" as const } } },
        },
      },
    }),
    (context) => {
      text ??= JSON.stringify(documentOf(app));
      return context.body(text, 200, { "Content-Type": "application/json" });
    },
  );
}
