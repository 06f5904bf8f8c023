/** Finds what is missing or unhealthy in a stack and on this machine, and how to fix it. */
import { checkConfiguration } from "../../config/check.ts";
import { UserError } from "../../config/errors.ts";
import type { Project } from "../../config/projects/project.ts";
import type { Settings } from "../../config/stack/settings.ts";
import { defaultWorkspaces, localWorkspaces } from "../../config/stack/workspaces-dir.ts";
import { openClouds, readConfig } from "../clouds/open.ts";
import { setupOf } from "../docker/container-state.ts";
import { readSetupOutput } from "../docker/setup.ts";
import { dockerEnv, readSettings, root } from "../engine/checkout.ts";
import { type ProvisionProgress, prepareStack } from "../engine/prepare.ts";
import { commandFor, type Session } from "../engine/session.ts";
import { makeKeeper } from "../keeper/client.ts";
import { readState } from "../state/state.ts";
import { makeStorage } from "../storage/client.ts";
import { backedUp } from "../storage/excluded.ts";
import { checkClouds } from "./clouds.ts";
import { checkContainers } from "./containers.ts";
import { checkDevcontainers } from "./devcontainers.ts";
import { checkDroplet, checkSsh } from "./droplet.ts";
import { type Finding, failed, note, ok } from "./finding.ts";
import { checkHiddenDrift, checkRoutes, checkSettings } from "./hidden-drift.ts";
import { dropletHost, localHost, type StackHost } from "./host.ts";
import {
  checkDisk,
  checkDocker,
  checkLocalhostNames,
  checkMemory,
  checkPlace,
  checkTools,
} from "./machine.ts";
import { type ImagePackages, packagesFindings, readImagePackages, refreshCommand } from "./packages.ts";
import { checkReleases } from "./releases.ts";
import { checkDropletSleep, checkLocalDisks, checkLocalSwap } from "./sleep.ts";
import { checkGateway, checkStack, isDeployed } from "./stack.ts";
import { storageFindings } from "./storage.ts";

type Findings = AsyncGenerator<Finding>;

export interface Examination {
  /** Whether the installed dependencies match package-lock.json. */
  readonly isInstalled: boolean;
  /** How a download of the CLI is shown. */
  readonly progress: ProvisionProgress;
}

/** The parts of the files that are valid. */
interface Files {
  readonly projects?: readonly Project[];
  readonly settings?: Settings;
  readonly findings: readonly Finding[];
}

/** Examines a stack; yields each finding as soon as it is known. */
export async function* examine(session: Session, { isInstalled, progress }: Examination): Findings {
  yield* await checkTools(session, isInstalled);
  const files = checkFiles(session);
  yield* files.findings;
  yield* session.isLocal ? examineLocal(session, files) : examineDroplet(session, files, progress);
}

function checkFiles({ stack, isLocal }: Session): Files {
  try {
    const { projects, settings, warnings, files } = checkConfiguration(root, stack);
    const text = `${files.join(" with ")}: ${projects.length} project${projects.length === 1 ? "" : "s"}`;
    const notes = warnings.map(({ where, what, fix }) => note(`${where}: ${what}`, fix));
    return { projects, settings, findings: [ok(text), ...notes, ...checkReleases(projects)] };
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    const findings = error.problems.map(({ where, what, fix }) =>
      failed(`${where}: ${what}`, fix ?? "edit that place, then npm run check"),
    );
    // The settings may still be valid, and are enough to check this machine.
    const settings = isLocal ? settingsIfValid() : undefined;
    return { findings, ...(settings ? { settings } : {}) };
  }
}

function settingsIfValid(): Settings | undefined {
  try {
    return readSettings();
  } catch {
    return undefined;
  }
}

async function* examineLocal(session: Session, { settings, projects }: Files): Findings {
  if (!settings) return;
  const docker = await checkDocker(dockerEnv(settings), [settings.baseImage]);
  yield* docker.findings;
  yield* await checkStack();
  if (docker.answers) {
    const host = localHost(settings);
    const isUp = isDeployed();
    yield await checkGateway(settings, isUp);
    if (projects && isUp) yield* examineContainers(host, projects, {});
    yield* await checkDevcontainers(host.docker, host.names, projects ?? [], session.stack);
    yield* await checkPackages(session, host);
    yield checkMemory(await host.containers());
    yield* await checkLocalSwap(projects ?? []);
  }
  const workspaces = localWorkspaces(settings, root);
  yield* checkLocalDisks(projects ?? [], workspaces.path);
  yield* checkDisk([workspaces.path]);
  yield* checkPlace(workspaces, root, defaultWorkspaces(root));
  yield await checkLocalhostNames();
}

/** A stack on a droplet: its state, its resources in the clouds, and its containers. */
async function* examineDroplet(
  session: Session,
  { projects, settings }: Files,
  progress: ProvisionProgress,
): Findings {
  await prepareStack(session, progress);
  yield* await checkStack(session, commandFor(session, "up"));
  if (session.backend.isOwn)
    yield note("state: only in this checkout", "a team needs a shared backend: docs/deploying.md");
  const [deployment, config] = await Promise.all([readState(session), readConfig(session)]);
  const clouds = openClouds(session.stack, config);
  yield* await checkClouds(session, clouds, deployment);
  const host = dropletHost(session, deployment, clouds.prefix);
  if (!host) return;
  const ssh = await checkSsh(session, host.access);
  yield ssh;
  if (ssh.verdict === "failed") return;
  yield* await checkDroplet(session, host.access, settings?.production?.maintenance?.window);
  yield* await checkDropletSleep(session, host.access, projects ?? []);
  yield* await checkDevcontainers(host.docker, host.names, projects ?? [], session.stack);
  yield* await checkPackages(session, host);
  const hasPanel = settings?.panel.enabled ?? false;
  if (projects) yield* examineContainers(host, projects, { hasConnector: true, hasPanel });
}

async function* examineContainers(
  { names, commands, ...host }: StackHost,
  projects: readonly Project[],
  expected: { hasConnector?: boolean; hasPanel?: boolean },
): Findings {
  const [containers, routeFiles, kept] = await Promise.all([
    host.containers(),
    host.routeFiles(),
    makeKeeper(host.docker, names.keeper).projects(),
  ]);
  // None of them is paused, in which no command runs.
  const failedSetups = containers.filter((container) => setupOf(container)?.isRunning === false);
  const outputs = failedSetups.map(
    async ({ name }) => [name, await readSetupOutput(host.docker, name)] as const,
  );
  const setupOutputs = new Map(await Promise.all(outputs));
  const checks = { containers, routeFiles, projects, names, commands, setupOutputs };
  yield* checkContainers({ ...checks, ...expected, kept: kept.kind === "answered" ? kept.value : undefined });
  if (kept.kind !== "answered" && kept.kind !== "missing")
    yield failed(`keeper: ${kept.reason}`, commands.docker(`restart ${names.keeper}`));
  yield* checkSettings(checks);
  yield* checkRoutes(checks);
  yield* storageFindings({
    answer: await makeStorage(host.docker, names.storage).status(),
    projects: backedUp(projects),
    container: names.storage,
    commands,
    stackFlag: host.stackFlag,
    now: Date.now(),
  });
}

/** How old the packages are in the images that the stack's containers have. */
async function checkPackages(session: Session, { docker, names }: StackHost): Promise<Finding[]> {
  return packagesFindings(await readImagePackages(docker, names), refreshCommand(session), new Date());
}

/** The images of a stack's containers and the age of their packages, for the nightly check. */
export async function findImagePackages(session: Session): Promise<ImagePackages[]> {
  const host = await hostOf(session, checkConfiguration(root, session.stack).settings);
  return host ? readImagePackages(host.docker, host.names) : [];
}

/** A stack's host; undefined for one that has no droplet. */
const hostOf = async (session: Session, settings: Settings): Promise<StackHost | undefined> =>
  session.isLocal ? localHost(settings) : dropletHost(session, await readState(session), settings.namePrefix);

/**
 * Hidden drift on a stack's host, for the nightly check.
 * @throws Error when the host is not responding
 */
export async function findHiddenDrift(session: Session): Promise<Finding[]> {
  const { projects, settings } = checkConfiguration(root, session.stack);
  const host = await hostOf(session, settings);
  if (!host) return [];
  const { names, commands } = host;
  const [containers, routeFiles] = await Promise.all([host.containers(), host.routeFiles()]);
  return checkHiddenDrift({ containers, routeFiles, projects, names, commands });
}
