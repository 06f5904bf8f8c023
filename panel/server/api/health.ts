/** The platform's parts and their state. */
import { z } from "@hono/zod-openapi";
import { UserError } from "../../../config/errors.ts";
import type { Names } from "../../../config/naming/names.ts";
import type { PanelServices } from "../parts.ts";
import { type App, json, panelRoute } from "./route.ts";
import { type Health, type HealthPart, healthSchema } from "./schema.ts";

/** What health is made of. */
export interface HealthInputs {
  readonly containers: PanelServices["containers"];
  readonly names: Names;
  /** Stacks on a droplet have a tunnel. */
  readonly isLocal: boolean;
  /** Whether the gateway answers. */
  gatewayAnswers(): Promise<boolean>;
  /** @throws UserError when projects.yaml is wrong */
  checkFile(): void;
  readonly operations: PanelServices["operations"];
  /** Notices of idle projects, where the stack wants any. */
  readonly notices?: { readonly hasPendingNotices: boolean } | undefined;
}

/** Looks at every part. Down: Docker, the gateway, the tunnel. Degraded: what leaves projects reachable. */
export async function checkHealth(sources: HealthInputs): Promise<Health> {
  const { containers, names, isLocal } = sources;
  const docker: HealthPart = containers.isConnected
    ? { name: "docker", state: "ok" }
    : { name: "docker", state: "down", reason: "the engine does not answer" };
  const gateway = containerPart("gateway", names.traefik, sources, "down");
  const parts: HealthPart[] = [
    docker,
    gateway.state === "ok" && !(await sources.gatewayAnswers())
      ? { name: "gateway", state: "down", reason: "it runs and does not answer" }
      : gateway,
    ...(isLocal ? [] : [containerPart("tunnel", names.connector, sources, "down")]),
    containerPart("notice page", names.notice, sources, "degraded"),
    filePart(sources),
    updatePart(sources),
    ...noticesPart(sources),
  ];
  return { status: worst(parts), parts };
}

function containerPart(
  name: string,
  container: string,
  { containers }: HealthInputs,
  without: "down" | "degraded",
): HealthPart {
  const known = containers.named(container);
  if (!known) return { name, state: without, reason: "there is no container: run an update" };
  if (known.status !== "running") return { name, state: without, reason: `its container is ${known.status}` };
  if (known.health === "unhealthy") return { name, state: without, reason: known.healthLine || "unhealthy" };
  return { name, state: "ok" };
}

function filePart({ checkFile }: HealthInputs): HealthPart {
  try {
    checkFile();
    return { name: "projects.yaml", state: "ok" };
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    // What is wrong may name projects that the person may not know of.
    return { name: "projects.yaml", state: "degraded", reason: "it is wrong; npm run check says what" };
  }
}

function updatePart({ operations }: HealthInputs): HealthPart {
  const last = operations.list().find(({ state }) => state !== "queued" && state !== "running");
  return last?.state === "failed"
    ? { name: "updates", state: "degraded", reason: "the last one failed" }
    : { name: "updates", state: "ok" };
}

function noticesPart({ notices }: HealthInputs): HealthPart[] {
  const name = "notices";
  if (!notices) return [];
  if (!notices.hasPendingNotices) return [{ name, state: "ok" }];
  // Why is told with the project's name, and so in the log alone.
  const reason = "the webhook has not taken one; the panel's log says why, and it is tried again";
  return [{ name, state: "degraded", reason }];
}

function worst(parts: readonly HealthPart[]): Health["status"] {
  if (parts.some(({ state }) => state === "down")) return "down";
  return parts.some(({ state }) => state === "degraded") ? "degraded" : "ok";
}

/** Adds the routes that say how the platform is. */
export function addHealth(app: App, parts: PanelServices): void {
  app.openapi(
    panelRoute({
      method: "get",
      path: "/api/health",
      summary: "The platform's parts and their state.",
      responses: {
        200: json(healthSchema, "What matters is there."),
        503: {
          description: "A part that matters is down; or the panel cannot answer (a problem).",
          content: {
            "application/json": { schema: healthSchema },
            "application/problem+json": { schema: z.object({}).openapi({ description: "See Problem." }) },
          },
        },
      },
    }),
    async (context) => {
      const health = await parts.health();
      return context.json(health, health.status === "down" ? 503 : 200);
    },
  );
}
