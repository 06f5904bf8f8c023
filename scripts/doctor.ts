/** `npm run doctor`: what is missing or unhealthy, and how to mend it; with `-- --stack prod` of a stack on a droplet. */
import { resolve } from "node:path";
import { checkConfiguration } from "../config/check.ts";
import { UserError } from "../config/errors.ts";
import { makeNames } from "../config/naming/names.ts";
import type { Project } from "../config/projects/project.ts";
import type { Settings } from "../config/stack/settings.ts";
import { openClouds, readConfig } from "../operate/clouds/open.ts";
import { listContainers } from "../operate/docker/containers.ts";
import { checkClouds } from "../operate/doctor/clouds.ts";
import { checkContainers } from "../operate/doctor/containers.ts";
import { checkDroplet } from "../operate/doctor/droplet.ts";
import { type Finding, fine, formatFinding, note, wrong } from "../operate/doctor/finding.ts";
import {
  checkDisk,
  checkDocker,
  checkLocalhostNames,
  checkMemory,
  checkTools,
} from "../operate/doctor/machine.ts";
import { checkGateway, checkRoutes, checkStack, isDeployed } from "../operate/doctor/stack.ts";
import { provideAccess } from "../operate/droplet/access.ts";
import { dockerEnv, readNames, readSettings, root } from "../operate/engine/checkout.ts";
import { parseCommandLine } from "../operate/engine/command-line.ts";
import { prepareStack } from "../operate/engine/prepare.ts";
import { commandFor, type Session, sessionFor } from "../operate/engine/session.ts";
import { readState } from "../operate/state/state.ts";
import { main, provisionProgress } from "./lib/main.ts";

let isWell = true;

await main(async (args) => {
  const session = sessionFor({ ...parseCommandLine(args), words: ["up"] });
  report(await checkTools(session));
  const projects = checkFiles(session);
  if (session.isLocal) {
    const settings = settingsIfValid();
    if (settings) await checkWhatRuns(settings, projects);
  } else await checkElsewhere(session, projects);
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
function checkFiles({ stack }: Session): readonly Project[] | undefined {
  try {
    const { projects } = checkConfiguration(root, stack);
    report([fine(`projects.yaml: ${projects.length} project${projects.length === 1 ? "" : "s"}`)]);
    return projects;
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
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
  report(await checkStack());
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

/** A stack on a droplet: its state, what the clouds say, and what runs on it. */
async function checkElsewhere(session: Session, projects: readonly Project[] | undefined): Promise<void> {
  await prepareStack(session, provisionProgress());
  const state = await checkStack(session, commandFor(session, "up"));
  report(state);
  if (session.backend.isOwn)
    report([
      note("state: is in this checkout alone", "a team needs a backend that all reach: docs/deploying.md"),
    ]);
  const [deployment, config] = await Promise.all([readState(session), readConfig(session)]);
  const clouds = openClouds(session.stack, config);
  report(await checkClouds(session, clouds, deployment));
  const access = provideAccess(session, deployment).at(-1);
  if (access) report(await checkDroplet(session, access, projects, makeNames(clouds.prefix)));
}
