/** What is said of a project's services, by `doctor`, `npm start` and the panel. Pure. */
import type { ContainerState } from "./containers.ts";

/** What is wrong with a service, such as `service db is unhealthy: no response`; undefined while nothing is, or it is only starting. */
export function serviceProblem(container: ContainerState): string | undefined {
  const { service, status, health, healthLine, exitCode, oomKilled, restarts } = container;
  if (!service) return undefined;
  const is = (what: string, why = "") => `service ${service.name} is ${what}${why && `: ${why}`}`;
  // Between two restarts it runs for a moment. One that has been healthy since is not "starting".
  const isBetween = status === "running" && health === "starting" && restarts > 0;
  if (status === "restarting" || isBetween)
    return is(`restarting (${restarts} times)`, ending(exitCode, oomKilled));
  if (status !== "running") return is(status, status === "exited" ? ending(exitCode, oomKilled) : "");
  return health === "unhealthy" ? is("unhealthy", healthLine || "no reason given") : undefined;
}

const ending = (exitCode: number, oomKilled: boolean): string =>
  oomKilled ? "killed for exceeding its memory limit" : `exit code ${exitCode}`;

/** The services' containers of a project among others. */
export const servicesOf = <Container extends Pick<ContainerState, "service">>(
  project: string,
  containers: Iterable<Container>,
): Container[] => [...containers].filter(({ service }) => service?.project === project);

/** What is wrong with a project's services, in one line; empty if nothing is. */
export const servicesNote = (containers: Iterable<ContainerState>): string =>
  [...containers].flatMap((container) => serviceProblem(container) ?? []).join("; ");
