import { pulumiOrThrow } from "./pulumi.ts";
import type { Session } from "./session.ts";

/** One project in the stack's output `projects`. */
export interface ProjectOutput {
  name: string;
  url: string;
  attach: string;
  container: string;
  state: string;
  /** opencode's release; absent in the outputs of a release of the platform that had only one. */
  opencode?: string;
  /** URL of each of its ports, by name or number. */
  ports?: Readonly<Record<string, string>>;
  deployKey?: string;
}

/** The stack's projects, sorted by name. */
export async function readProjectOutputs(session?: Session): Promise<ProjectOutput[]> {
  return parseProjects(JSON.parse(await pulumiOrThrow(["stack", "output", "--json"], { session })));
}

/** Parses `pulumi stack output --json`. */
export function parseProjects(outputs: unknown): ProjectOutput[] {
  const { projects } = (outputs ?? {}) as { projects?: Record<string, Omit<ProjectOutput, "name">> };
  return Object.entries(projects ?? {})
    .map(([name, project]) => ({ name, ...project }))
    .sort((a, b) => a.name.localeCompare(b.name));
}
