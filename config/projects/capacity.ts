/** Whether the host has the memory for what projects may use: a sentence for people, not a problem, since most of them sleep most of the time. */
import { formatSize } from "../text/sizes.ts";
import type { Project } from "./project.ts";

type Limited = Pick<Project, "name" | "state" | "resources" | "services" | "sleep">;

/** What a project may use with its services, in bytes. */
const bytesOf = ({ resources, services = [] }: Limited): number =>
  [resources, ...services.map((service) => service.resources)].reduce(
    (sum, { memory }) => sum + memory.bytes,
    0,
  );

/**
 * Says that the limits of the projects that may be awake at once exceed the host's memory, and how many of them fit: of the largest, so that
 * any so many do. Nothing where they fit, or the host's memory is not known.
 */
export function capacityNotes(projects: readonly Limited[], hostMemoryBytes: number | undefined): string[] {
  if (hostMemoryBytes === undefined) return [];
  const running = projects.filter(({ state }) => state === "running");
  const total = running.reduce((sum, project) => sum + bytesOf(project), 0);
  if (total <= hostMemoryBytes) return [];
  const wakeful = running.filter(({ sleep }) => sleep === "never");
  const always = wakeful.reduce((sum, project) => sum + bytesOf(project), 0);
  const has = `the host has ${formatSize(hostMemoryBytes)}`;
  const sum = `warning: ${running.length} projects may use ${formatSize(total)} of memory when all are awake, and ${has}:`;
  if (always > hostMemoryBytes)
    return [
      `${sum} those that never sleep (${wakeful.map(({ name }) => name).join(", ")}) alone may use ${formatSize(always)}. Lower their resources.memory, or let some sleep.`,
    ];
  const fit = fitting(running, hostMemoryBytes);
  return [
    `${sum} any ${fit} of them fit at once. The others have to sleep then (docs/sleep.md), or resources.memory to be lower.`,
  ];
}

/** How many fit, whichever they are; those that never sleep are among them. */
function fitting(running: readonly Limited[], hostMemoryBytes: number): number {
  let [count, used] = [0, 0];
  const largestFirst = running.toSorted(
    (one, other) =>
      Number(other.sleep === "never") - Number(one.sleep === "never") || bytesOf(other) - bytesOf(one),
  );
  for (const project of largestFirst) {
    used += bytesOf(project);
    if (used > hostMemoryBytes) break;
    count++;
  }
  return count;
}
