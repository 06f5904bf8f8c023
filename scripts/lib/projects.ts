/** Shows the projects at the end of `npm start`. */
import { join } from "node:path";
import type { Readiness } from "../../operate/docker/ready.ts";
import type { ProjectOutput } from "../../operate/engine/outputs.ts";
import { keptWords } from "../../operate/keeper/words.ts";
import { isWatched } from "./main.ts";
import { table } from "./table.ts";

/** Reports which projects are awaited: on a terminal in one redrawn line, elsewhere each name once. */
export function waitReporter(): (waitingFor: readonly string[]) => void {
  let printed = "";
  return (names) => {
    const text = `Waiting for ${names.join(", ")} to respond …`;
    if (isWatched()) process.stdout.write(`\r\x1b[K${text}`);
    else if (!printed) console.log(text);
    printed = text;
  };
}

/** Prints a table of the projects, and the problems of those that are not responding. */
export function printProjects(ready: readonly Readiness[]): void {
  if (ready.length === 0) {
    console.log("\nNo projects yet: add one to projects.yaml, then run this again.");
    return;
  }
  const rows = ready.flatMap(({ project, ...rest }) => [
    [project.name, stateOf({ project, ...rest }), project.url, project.attach],
    ...Object.entries(project.ports ?? {}).map(([label, url]) => ["", `port ${label}`, url, ""]),
  ]);
  console.log(["", ...table(["PROJECT", "STATE", "IN A BROWSER", "IN A TERMINAL"], rows)].join("\n"));
  for (const { project, answers, note } of ready) {
    if (!answers)
      console.log(
        `\n${project.name} is not responding${note ? `: ${note}` : ""}. Its log: docker logs ${project.container}`,
      );
    else if (note) console.log(`\n${project.name}: ${note}`);
    printDeployKey(project);
  }
}

function stateOf({ project, answers, isSettingUp, kept }: Omit<Readiness, "note">): string {
  if (!answers) return "not answering";
  if (kept) return keptWords(kept);
  return isSettingUp ? "setting up" : project.state;
}

/** Says where the projects' files are, and that looking at them is not as harmless as it seems. */
export function printPlace(workspaces: string): void {
  console.log(`\nTheir files: ${join(workspaces, "<name>")}`);
  console.log(
    "Agents write there, git's settings too: don't run git there, or an editor that does (docs/security.md).",
  );
}

function printDeployKey({ name, deployKey }: ProjectOutput): void {
  if (deployKey) console.log(`\n${name}: deploy key, add it to the repository:\n  ${deployKey.trim()}`);
}
