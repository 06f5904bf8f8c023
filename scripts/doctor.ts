/** `npm run doctor`: what is missing or unhealthy, and how to mend it. */
import { resolve } from "node:path";
import { check } from "../config/check.ts";
import { ConfigError } from "../config/errors.ts";
import type { Project } from "../config/project.ts";
import type { Settings } from "../config/stack.ts";
import { checkContainers } from "./checks/containers.ts";
import { type Finding, fine, formatFinding, wrong } from "./checks/finding.ts";
import { checkDisk, checkDocker, checkLocalhostNames, checkMemory, checkTools } from "./checks/machine.ts";
import { checkGateway, checkRoutes, checkStack, isDeployed } from "./checks/stack.ts";
import { dockerEnv, readNames, readSettings, root, STACK } from "./lib/checkout.ts";
import { listContainers } from "./lib/docker-state.ts";
import { main } from "./lib/main.ts";

let isWell = true;

await main(async () => {
  report(await checkTools());
  const projects = checkFiles();
  const settings = settingsIfValid();
  if (settings) await checkWhatRuns(settings, projects);
  console.log(isWell ? "\nAll is well." : "\nSomething is wrong; the arrows say how to mend it.");
  return isWell ? 0 : 1;
});

function report(findings: readonly Finding[]): void {
  for (const finding of findings) {
    console.log(formatFinding(finding));
    if (finding.verdict === "wrong") isWell = false;
  }
}

/** What projects.yaml and the settings say; a mistake in them is a finding of its own. */
function checkFiles(): readonly Project[] | undefined {
  try {
    const { projects } = check(root, STACK);
    report([fine(`projects.yaml: ${projects.length} project${projects.length === 1 ? "" : "s"}`)]);
    return projects;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    report(
      error.problems.map(({ where, what, fix }) =>
        wrong(`${where}: ${what}`, fix ?? "edit that place, then npm run check"),
      ),
    );
    return undefined;
  }
}

function settingsIfValid(): Settings | undefined {
  try {
    return readSettings();
  } catch {
    return undefined; // checkFiles has said it
  }
}

async function checkWhatRuns(settings: Settings, projects: readonly Project[] | undefined): Promise<void> {
  const env = dockerEnv(settings);
  const docker = await checkDocker(env, [settings.baseImage]);
  report(docker);
  report(checkStack());
  if (docker.every(({ verdict, text }) => verdict !== "wrong" || !text.startsWith("docker: nothing"))) {
    const containers = await listContainers(env, settings.namePrefix);
    const isUp = isDeployed();
    report([await checkGateway(settings, isUp)]);
    if (projects && isUp) {
      report(checkContainers(containers, projects, readNames(settings)));
      report(checkRoutes(projects));
    }
    report([checkMemory(containers)]);
  }
  report(checkDisk([resolve(root, settings.workspacesDir)]));
  report([await checkLocalhostNames()]);
}
