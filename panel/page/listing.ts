/** What is shown of a list of projects, and what of its changes is said. Pure. */
import type { ProjectView } from "./model.ts";
import { stateLabel } from "./words.ts";

/** Whether a filter's words are all found in a project: its name, state, repository or members. */
export function matches(project: ProjectView, filter: string): boolean {
  const text = [project.name, project.state, project.repo ?? "", ...project.members].join(" ").toLowerCase();
  return filter
    .toLowerCase()
    .split(/\s+/)
    .every((word) => text.includes(word));
}

/** The changes of state that are worth hearing: which projects became what, came and went. */
export function stateChanges(before: readonly ProjectView[], after: readonly ProjectView[]): string[] {
  const known = new Map(before.map(({ name, state }) => [name, state]));
  const names = new Set(after.map(({ name }) => name));
  return [
    ...after
      .filter(({ name, state }) => known.get(name) !== state)
      .map(({ name, state }) => `${name}: ${stateLabel(state).word}`),
    ...before.filter(({ name }) => !names.has(name)).map(({ name }) => `${name}: gone`),
  ];
}
