/** Which releases of opencode the projects run, and which they could. */
import type { Project } from "../../config/projects/project.ts";
import { NEWEST } from "../../config/projects/releases.ts";
import { isOlder, majorOf } from "../../opencode/api/index.ts";
import { type Finding, note, ok } from "./finding.ts";

const count = (projects: number): string => `${projects} project${projects === 1 ? "" : "s"}`;

/** Checks projects.yaml alone. */
export function checkReleases(projects: readonly Pick<Project, "name" | "opencode">[]): Finding[] {
  if (projects.length === 0) return [];
  const byRelease = Map.groupBy(projects, ({ opencode }) => opencode.version);
  const text = [...byRelease].map(([version, some]) => `${version} in ${count(some.length)}`).join(", ");
  const older = projects.flatMap(({ name, opencode: { version } }) => {
    const newest = NEWEST[majorOf(version)];
    if (newest === undefined || !isOlder(version, newest)) return [];
    const fix = `npm run opencode -- upgrade ${name} ${majorOf(version)}`;
    return [note(`${name}: runs opencode ${version}; ${newest} is pinned`, fix)];
  });
  const hasSecond = projects.some(({ opencode }) => majorOf(opencode.version) === 2);
  const choice = note(`opencode: ${NEWEST[2]} is a choice for each project`, "docs/opencode.md");
  return [ok(`opencode: ${text}`), ...older, ...(hasSecond ? [] : [choice])];
}
