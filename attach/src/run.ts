/** What the commands do. */
import { projectApi } from "../../opencode/api/index.ts";
import { cloudflared } from "./cloudflared.ts";
import { type Command, USAGE } from "./command.ts";
import { type Credentials, nobody, PersonalToken, serviceToken } from "./credentials.ts";
import { UserError } from "./errors.ts";
import { chooseProgram, installedVersion, openBrowser, runHere } from "./opencode.ts";
import { findProject, isLocal, listProjects, localProject, readUrl } from "./platform.ts";
import { LocalProxy } from "./proxy.ts";
import { type Reach, serverVersion, stopped } from "./reach.ts";
import { rememberedPlatform, rememberPlatform } from "./settings.ts";
import { type ConnectionOptions, makeAgent } from "./upstream.ts";

export interface World {
  readonly env: NodeJS.ProcessEnv;
  readonly connection?: ConnectionOptions;
  readonly say: (line: string) => void;
  readonly warn: (line: string) => void;
}

/** Set while opencode draws on the terminal, when nobody else may write there. */
let drawing = false;

function credentialsFor(url: URL, env: NodeJS.ProcessEnv): Credentials {
  if (isLocal(url)) return nobody;
  return serviceToken(env) ?? new PersonalToken(cloudflared({ env, quiet: () => drawing }), url);
}

const reach = (url: URL, { env, connection }: World): Reach => ({
  url,
  agent: makeAgent(url, connection),
  credentials: credentialsFor(url, env),
});

/** The platform that is meant: given, else the one used last. */
function platformOf(given: string | undefined, { env }: World): { url: URL; remembered: boolean } {
  const named = given ?? env.OPENCODE_PLATFORM_URL;
  const text = named || rememberedPlatform(env);
  if (!text)
    throw new UserError(
      "usage",
      "--platform",
      "Which platform?",
      "Give its URL once: --platform https://code.example.com",
    );
  return { url: readUrl(text), remembered: !named };
}

/** The projects of a platform's index, which is remembered once it has answered. */
async function projectsOf(platform: string | undefined, world: World) {
  const { url, remembered } = platformOf(platform, world);
  if (isLocal(url))
    throw new UserError(
      "usage",
      url.host,
      `The platform at ${url.host} is on this machine, and keeps no list.`,
      "`npm start` in its checkout prints the projects; opencode-platform <name> opens one.",
    );
  const at = reach(url, world);
  try {
    const projects = await listProjects(at);
    if (!remembered) rememberPlatform(url.origin, world.env);
    return projects;
  } finally {
    at.agent.destroy();
  }
}

/** A project's URL, from a name or from itself. */
async function urlOf(project: string, platform: string | undefined, world: World): Promise<URL> {
  if (/^https?:\/\//.test(project)) return readUrl(project);
  const { url } = platformOf(platform, world);
  if (isLocal(url)) return localProject(project, url);
  const found = findProject(project, await projectsOf(platform, world));
  if (found.state === "stopped") throw stopped(project);
  return found.url;
}

async function list(platform: string | undefined, world: World): Promise<number> {
  const projects = await projectsOf(platform, world);
  const width = (key: "name" | "state") => Math.max(...projects.map((project) => project[key].length));
  for (const { name, state, url } of projects)
    world.say(`${name.padEnd(width("name"))}  ${state.padEnd(width("state"))}  ${url}`);
  if (projects.length === 0)
    world.warn("There is no project that you may open: ask to be added to the members of one.");
  return 0;
}

/** Resolves when somebody ends this program. */
const ended = (): Promise<void> =>
  new Promise((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, () => resolve());
  });

async function attach(command: Command & { kind: "attach" }, world: World): Promise<number> {
  const at = reach(await urlOf(command.project, command.platform, world), world);
  const server = await serverVersion(at, { say: world.warn });
  const problems = new Map<string, UserError>();
  const proxy = new LocalProxy({
    target: at.url,
    agent: at.agent,
    credentials: at.credentials,
    onProblem: (problem) => problems.set(problem.kind, problem),
  });
  const program = command.print
    ? undefined
    : chooseProgram({ installed: await installedVersion(world.env), server, npx: command.npx });
  await proxy.listen();
  try {
    if (!program) {
      world.say(proxy.secretUrl);
      world.warn("Whoever knows this URL may use the project as you. Ctrl-C ends it.");
      await ended();
      return 0;
    }
    drawing = true;
    const args = [...program.args, ...projectApi.terminal.args(proxy.url, command.more)];
    // Access's secrets are this program's business alone.
    const { CF_ACCESS_CLIENT_ID: _id, CF_ACCESS_CLIENT_SECRET: _secret, ...env } = world.env;
    return await runHere({ ...program, args }, { ...env, ...proxy.guard.environment });
  } finally {
    drawing = false;
    await proxy.close();
    for (const problem of problems.values()) world.warn(`${problem.message} ${problem.fix}`);
  }
}

/** Does what a command says; returns the exit code. */
export async function run(command: Command, world: World): Promise<number> {
  if (command.kind === "help") world.say(USAGE);
  else if (command.kind === "ls") return await list(command.platform, world);
  else if (command.kind === "attach") return await attach(command, world);
  else await openBrowser((await urlOf(command.project, command.platform, world)).href);
  return 0;
}
