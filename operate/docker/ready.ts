import { setTimeout as sleep } from "node:timers/promises";
import { makeNames } from "../../config/naming/names.ts";
import type { LocalUrls } from "../../config/naming/urls.ts";
import { OPENCODE } from "../../config/versions.ts";
import { apiFor } from "../../opencode/api/index.ts";
import { docker } from "../../toolchain/lib/docker.ts";
import type { ProjectOutput } from "../engine/outputs.ts";
import { type Kept, makeKeeper } from "../keeper/client.ts";
import { setupOf, withoutSetup } from "./container-state.ts";
import { type ContainerState, listContainers } from "./containers.ts";
import { servicesNote, servicesOf } from "./services.ts";

/** Timeout for projects to respond after an update. */
const TIMEOUT_MS = 120_000;

export interface Readiness {
  project: ProjectOutput;
  answers: boolean;
  /** Whether its entry's setup is still running. */
  isSettingUp: boolean;
  /** Of one that sleeps, or waits for its turn to start, which is as good as ready: whoever opens it wakes it. */
  kept?: Kept | undefined;
  /** What its container has to say: a problem, such as a failed clone or setup, or that somebody is asked; otherwise empty. */
  note: string;
}

/** States in which nobody waits for a project. */
const SLEEPS: readonly string[] = ["asleep", "falling-asleep", "waiting", "parked"] satisfies Kept["state"][];

/** The projects that sleep; none where no keeper says so. */
async function sleepers(env: NodeJS.ProcessEnv, prefix: string): Promise<Map<string, Kept>> {
  const keeper = makeKeeper((args, timeoutMs) => docker(args, env, timeoutMs), makeNames(prefix).keeper);
  const answer = await keeper.projects();
  const kept = answer.kind === "answered" ? answer.value : [];
  return new Map(kept.filter(({ state }) => SLEEPS.includes(state)).map((each) => [each.project, each]));
}

/**
 * Waits until every running project responds through the gateway, or the timeout. `tell` receives the number
 * still waiting. One that sleeps is left alone.
 */
export async function awaitProjects(
  projects: readonly ProjectOutput[],
  urls: LocalUrls,
  env: NodeJS.ProcessEnv,
  prefix: string,
  tell: (waitingFor: readonly string[]) => void,
): Promise<Readiness[]> {
  const asleep = await sleepers(env, prefix);
  const waiting = new Map(
    projects
      .filter(({ name, state }) => state === "running" && !asleep.has(name))
      .map(({ name, opencode }) => [name, { url: urls.underPath.url(name), opencode }]),
  );
  const until = performance.now() + TIMEOUT_MS;
  for (;;) {
    const answers = await Promise.all(
      [...waiting].map(
        async ([name, { url, opencode = OPENCODE }]) => [name, await answeringAt(url, opencode)] as const,
      ),
    );
    for (const [name, answering] of answers) if (answering) waiting.delete(name);
    if (waiting.size === 0 || performance.now() > until) break;
    tell([...waiting.keys()]);
    await sleep(500);
  }
  const listed = await listContainers(env, prefix);
  const containers = new Map(listed.map((container) => [container.project, container]));
  return projects.map((project) => {
    const container = containers.get(project.name);
    const running = project.state === "running" ? container : undefined;
    return {
      project,
      answers: !waiting.has(project.name),
      kept: project.state === "running" ? asleep.get(project.name) : undefined,
      isSettingUp: (running && setupOf(running)?.isRunning) ?? false,
      note: running
        ? [
            asleep.has(project.name) ? "" : noteOf(running),
            // They don't sleep with it, but are stopped with it.
            asleep.get(project.name)?.state === "parked"
              ? ""
              : servicesNote(servicesOf(project.name, listed)),
          ]
            .filter(Boolean)
            .join("; ")
        : "",
    };
  });
}

function noteOf(container: ContainerState): string {
  const line = withoutSetup(container.healthLine);
  const setup = setupOf(container);
  return [
    ...(/fail|error|^asks /i.test(line) ? [line] : []),
    ...(setup && !setup.isRunning
      ? [`${setup.line}; to run it again: npm run setup -- ${container.project}`]
      : []),
  ].join("; ");
}

/** What answers at a project's URL: opencode of the expected major, or the page that asks whether its repository is trusted. */
type Answering = "opencode" | "question";

/**
 * Asks a project, through the gateway, for opencode's health; undefined while neither answers.
 * @param url the project's URL, without a trailing slash
 * @param version the project's release
 */
async function answeringAt(url: string, version: string): Promise<Answering | undefined> {
  const { path, method, read } = apiFor(version).health;
  try {
    const response = await fetch(`${url}${path}`, {
      method,
      headers: { accept: "application/json" },
      signal: AbortSignal.timeout(5000),
    });
    const body = await response.text();
    if (response.headers.get("x-opencode-state") === "untrusted") return "question";
    const contentType = response.headers.get("content-type") ?? undefined;
    read({ status: response.status, contentType, body });
    return "opencode";
  } catch {
    return undefined;
  }
}

/** Whether opencode itself responds through the gateway, with a release of the expected major. The arguments are those of `answeringAt`. */
export const isHealthy = async (url: string, version: string = OPENCODE): Promise<boolean> =>
  (await answeringAt(url, version)) === "opencode";
