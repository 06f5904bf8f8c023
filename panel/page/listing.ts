/** Filters the list of projects, and describes its changes. Pure. */
import type { ProjectView } from "./model.ts";
import { stateLabel } from "./words.ts";

/** Whether a project's name, state, repository or members contain all words of a filter. */
export function matches(project: ProjectView, filter: string): boolean {
  const text = [project.name, project.state, project.repo ?? "", ...project.members].join(" ").toLowerCase();
  return filter
    .toLowerCase()
    .split(/\s+/)
    .every((word) => text.includes(word));
}

/** States on the way to another, which is announced. */
const PASSING: readonly string[] = ["falling-asleep", "waking"] satisfies ProjectView["state"][];

/** Changes to announce: new states, new and removed projects. */
export function stateChanges(before: readonly ProjectView[], after: readonly ProjectView[]): string[] {
  const known = new Map(before.map(({ name, state }) => [name, state]));
  const names = new Set(after.map(({ name }) => name));
  return [
    ...after
      .filter(({ name, state }) => known.get(name) !== state && !PASSING.includes(state))
      .map(({ name, state }) => `${name}: ${stateLabel(state).word}`),
    ...before.filter(({ name }) => !names.has(name)).map(({ name }) => `${name}: removed`),
  ];
}
