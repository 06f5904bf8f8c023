/** What is missing or unhealthy of a stack and of this machine, and how to fix it. */
import { resolve } from "node:path";
import { checkConfiguration } from "../../config/check.ts";
import { UserError } from "../../config/errors.ts";
import { makeNames } from "../../config/naming/names.ts";
import type { Project } from "../../config/projects/project.ts";
import type { Settings } from "../../config/stack/settings.ts";
import { openClouds, readConfig } from "../clouds/open.ts";
import { listContainers } from "../docker/containers.ts";
import { provideAccess } from "../droplet/access.ts";
import { dockerEnv, readNames, readSettings, root } from "../engine/checkout.ts";
import { type ProvisionProgress, prepareStack } from "../engine/prepare.ts";
import { commandFor, type Session } from "../engine/session.ts";
import { readState } from "../state/state.ts";
import { checkClouds } from "./clouds.ts";
import { checkContainers } from "./containers.ts";
import { checkDroplet } from "./droplet.ts";
import { type Finding, fine, note, wrong } from "./finding.ts";
import { checkDisk, checkDocker, checkLocalhostNames, checkMemory, checkTools } from "./machine.ts";
import { checkGateway, checkRoutes, checkStack, isDeployed } from "./stack.ts";

export interface Examination {
  /** Whether the dependencies are the ones of package-lock.json. */
  readonly isInstalled: boolean;
  /** How a download of the CLI is shown. */
  readonly progress: ProvisionProgress;
}

/** Examines a stack; each finding comes as soon as it is known. */
export async function* examine(
  session: Session,
  { isInstalled, progress }: Examination,
): AsyncGenerator<Finding> {
  yield* await checkTools(session, isInstalled);
  const { findings, projects } = checkFiles(session);
  yield* findings;
  if (session.isLocal) {
    const settings = settingsIfValid();
    if (settings) yield* checkContainersAndGateway(settings, projects);
  } else yield* checkRemoteStack(session, projects, progress);
}

/** What projects.yaml and the settings say; a mistake in them is a finding of its own. */
function checkFiles({ stack }: Session): { findings: Finding[]; projects?: readonly Project[] } {
  try {
    const { projects } = checkConfiguration(root, stack);
    const count = `${projects.length} project${projects.length === 1 ? "" : "s"}`;
    return { findings: [fine(`projects.yaml: ${count}`)], projects };
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    const findings = error.problems.map(({ where, what, fix }) =>
      wrong(`${where}: ${what}`, fix ?? "edit that place, then npm run check"),
    );
    return { findings };
  }
}

function settingsIfValid(): Settings | undefined {
  try {
    return readSettings();
  } catch {
    return undefined; // checkFiles has reported it
  }
}

async function* checkContainersAndGateway(
  settings: Settings,
  projects: readonly Project[] | undefined,
): AsyncGenerator<Finding> {
  const env = dockerEnv(settings);
  const docker = await checkDocker(env, [settings.baseImage]);
  yield* docker;
  yield* await checkStack();
  if (docker.every(({ verdict, text }) => verdict !== "wrong" || !text.startsWith("docker: nothing"))) {
    const containers = await listContainers(env, settings.namePrefix);
    const isUp = isDeployed();
    yield await checkGateway(settings, isUp);
    if (projects && isUp) {
      yield* checkContainers(containers, projects, readNames(settings));
      yield* checkRoutes(projects);
    }
    yield checkMemory(containers);
  }
  yield* checkDisk([resolve(root, settings.workspacesDir)]);
  yield await checkLocalhostNames();
}

/** A stack on a droplet: its state, what the clouds say, and what runs on it. */
async function* checkRemoteStack(
  session: Session,
  projects: readonly Project[] | undefined,
  progress: ProvisionProgress,
): AsyncGenerator<Finding> {
  await prepareStack(session, progress);
  const state = await checkStack(session, commandFor(session, "up"));
  yield* state;
  if (session.backend.isOwn)
    yield note("state: only in this checkout", "a team needs a shared backend: docs/deploying.md");
  const [deployment, config] = await Promise.all([readState(session), readConfig(session)]);
  const clouds = openClouds(session.stack, config);
  yield* await checkClouds(session, clouds, deployment);
  const access = provideAccess(session, deployment).at(-1);
  if (access) yield* await checkDroplet(session, access, projects, makeNames(clouds.prefix));
}
