import type { Names } from "../../config/naming/names.ts";
import type { Project } from "../../config/projects/project.ts";
import { apiFor } from "../../opencode/api/index.ts";
import { asleepRoutes, awakeRoutes } from "../proxy/asleep.ts";
import type { RouteArgs } from "../proxy/routes.ts";
import { ASLEEP_PATH } from "../proxy/wakes.ts";

export interface KeeperFileArgs {
  names: Names;
  project: Pick<Project, "name" | "sleep" | "storage" | "opencode">;
  /** The project's routes. */
  route: RouteArgs;
  /** Port of the gateway. */
  gatewayPort: number;
}

/** What the keeper knows of a project, as one line of JSON without a secret: its container, when it may sleep, and its routes while it does and just after. */
export function keeperFile({ names, project, route, gatewayPort }: KeeperFileArgs): string {
  const { name, sleep, storage, opencode } = project;
  return `${JSON.stringify({
    project: name,
    container: names.project(name),
    port: apiFor(opencode.version).server.port,
    probe: { host: route.urls.hostname(name), path: ASLEEP_PATH },
    sleep: sleep === "never" ? null : sleep,
    asleep: asleepRoutes(route, gatewayPort),
    awake: awakeRoutes(route),
    ...(storage && { storage }),
  })}\n`;
}
