/** Health of the platform's parts. */
import { z } from "@hono/zod-openapi";
import { UserError } from "../../../config/errors.ts";
import type { Names } from "../../../config/naming/names.ts";
import type { PanelServices } from "../parts.ts";
import { type App, json, panelRoute } from "./route.ts";
import { type Health, type HealthPart, healthSchema } from "./schema.ts";

/** Milliseconds that the answer waits for the keeper. */
const KEEPER_TIMEOUT_MS = 2000;

/** The sources of health. */
export interface HealthInputs {
  readonly containers: PanelServices["containers"];
  readonly names: Names;
  /** False for a stack on a droplet, which has a tunnel. */
  readonly isLocal: boolean;
  gatewayAnswers(): Promise<boolean>;
  /** @throws UserError if projects.yaml is invalid */
  checkFile(): void;
  readonly operations: PanelServices["operations"];
  readonly sleep: Pick<PanelServices["sleep"], "problem" | "settled">;
  /** Notices of idle projects; undefined if switched off. */
  readonly notices?: { readonly hasPendingNotices: boolean } | undefined;
}

/** Checks every part. Docker, gateway and tunnel can be down; the others only degraded, as projects stay reachable. */
export async function checkHealth(sources: HealthInputs): Promise<Health> {
  const { containers, names, isLocal } = sources;
  await sources.sleep.settled(KEEPER_TIMEOUT_MS);
  const docker: HealthPart = containers.isConnected
    ? { name: "docker", state: "ok" }
    : { name: "docker", state: "down", reason: "Docker is not responding" };
  const gateway = containerPart("gateway", names.traefik, sources, "down");
  const parts: HealthPart[] = [
    docker,
    gateway.state === "ok" && !(await sources.gatewayAnswers())
      ? { name: "gateway", state: "down", reason: "running, but not responding" }
      : gateway,
    ...(isLocal ? [] : [containerPart("tunnel", names.connector, sources, "down")]),
    containerPart("notice page", names.notice, sources, "degraded"),
    keeperPart(sources),
    // Without it projects run, and nothing is done to their files as a whole.
    containerPart("storage", names.storage, sources, "degraded"),
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
  if (!known) return { name, state: without, reason: "container not found: run an update" };
  if (known.status !== "running") return { name, state: without, reason: `its container is ${known.status}` };
  if (known.health === "unhealthy") return { name, state: without, reason: known.healthLine || "unhealthy" };
  return { name, state: "ok" };
}

/** Without it projects stay as they are; those that sleep can't be woken. */
function keeperPart(sources: HealthInputs): HealthPart {
  const part = containerPart("keeper", sources.names.keeper, sources, "degraded");
  const { problem } = sources.sleep;
  return part.state !== "ok" || problem === undefined
    ? part
    : { ...part, state: "degraded", reason: problem };
}

function filePart({ checkFile }: HealthInputs): HealthPart {
  try {
    checkFile();
    return { name: "projects.yaml", state: "ok" };
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    // The problems may name projects that the person can't see.
    return { name: "projects.yaml", state: "degraded", reason: "invalid: run npm run check" };
  }
}

function updatePart({ operations }: HealthInputs): HealthPart {
  const last = operations
    .list()
    .find(({ state, isWork }) => !isWork && state !== "queued" && state !== "running");
  return last?.state === "failed"
    ? { name: "updates", state: "degraded", reason: "the last one failed" }
    : { name: "updates", state: "ok" };
}

function noticesPart({ notices }: HealthInputs): HealthPart[] {
  const name = "notices";
  if (!notices) return [];
  if (!notices.hasPendingNotices) return [{ name, state: "ok" }];
  // The reason names the project, so it is only in the log.
  const reason = "a notice was not delivered and is being retried; see the panel's log";
  return [{ name, state: "degraded", reason }];
}

function worst(parts: readonly HealthPart[]): Health["status"] {
  if (parts.some(({ state }) => state === "down")) return "down";
  return parts.some(({ state }) => state === "degraded") ? "degraded" : "ok";
}

/** Adds the health route. */
export function addHealth(app: App, parts: PanelServices): void {
  app.openapi(
    panelRoute({
      method: "get",
      path: "/api/health",
      summary: "The platform's parts and their state.",
      responses: {
        200: json(healthSchema, "No part is down."),
        503: {
          description: "A part is down; or the panel can't answer (a problem).",
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
