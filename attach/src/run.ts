/** Runs the commands. */
import { apiFor } from "../../opencode/api/index.ts";
import { cloudflared } from "./cloudflared.ts";
import { type Command, USAGE } from "./command.ts";
import { anonymous, type Credentials, PersonalToken, serviceToken, storedToken } from "./credentials.ts";
import { UserError } from "./errors.ts";
import { chooseProgram, installedVersion, openBrowser, type Program, runProgram } from "./opencode.ts";
import { pinnedProgram } from "./pinned.ts";
import {
  findProject,
  isLocal,
  type ListedProject,
  listProjects,
  localProject,
  projectNamed,
  readUrl,
} from "./platform.ts";
import { answeringPorts } from "./ports.ts";
import { LocalProxy } from "./proxy.ts";
import { type Connection, serverVersion, stoppedError } from "./reach.ts";
import { sessionToOpen } from "./session.ts";
import { rememberedPlatform, rememberPlatform } from "./settings.ts";
import { type ConnectionOptions, loopbackExempt, makeAgent, proxyWarning } from "./upstream.ts";

export interface Environment {
  readonly env: NodeJS.ProcessEnv;
  readonly connection?: ConnectionOptions;
  readonly print: (line: string) => void;
  readonly warn: (line: string) => void;
}

/** Set while opencode draws on the terminal: other output would garble it. */
let isDrawing = false;

function credentialsFor(url: URL, env: NodeJS.ProcessEnv): Credentials {
  if (isLocal(url)) return anonymous;
  return serviceToken(env) ?? new PersonalToken(cloudflared({ env, quiet: () => isDrawing }), url);
}

const connectWith = (credentials: Credentials, url: URL, { env, connection }: Environment): Connection => ({
  url,
  agent: makeAgent(url, connection, env),
  credentials,
});

function connect(url: URL, environment: Environment): Connection {
  const warning = proxyWarning(url, environment.env);
  if (warning) environment.warn(warning);
  return connectWith(credentialsFor(url, environment.env), url, environment);
}

/** A connection that asks for no login; undefined without a token at hand. */
async function connectStored(url: URL, environment: Environment): Promise<Connection | undefined> {
  const { env } = environment;
  const credentials = serviceToken(env) ?? (await storedToken(cloudflared({ env, quiet: () => true }), url));
  return credentials && connectWith(credentials, url, environment);
}

/** The platform given, else the one used last. */
function platformOf(requested: string | undefined, { env }: Environment): { url: URL; remembered: boolean } {
  const named = requested ?? env.OPENCODE_PLATFORM_URL;
  const text = named || rememberedPlatform(env);
  if (!text)
    throw new UserError(
      "usage",
      "--platform",
      "No platform given.",
      "Give its URL once: --platform https://code.example.com",
    );
  return { url: readUrl(text), remembered: !named };
}

/** The projects of a platform's index. Remembers the platform once it has answered. */
async function projectsOf(platform: string | undefined, environment: Environment) {
  const { url, remembered } = platformOf(platform, environment);
  if (isLocal(url))
    throw new UserError(
      "usage",
      url.host,
      `The platform at ${url.host} is on this machine and has no project list.`,
      "Run `npm start` in its checkout to see the projects, and opencode-platform <name> to open one.",
    );
  const at = connect(url, environment);
  try {
    const projects = await listProjects(at);
    if (!remembered) rememberPlatform(url.origin, environment.env);
    return projects;
  } finally {
    at.agent.destroy();
  }
}

/** A project's URL, from its name or URL. */
async function urlOf(project: string, platform: string | undefined, environment: Environment): Promise<URL> {
  if (/^https?:\/\//.test(project)) {
    const url = readUrl(project);
    const named = projectNamed(url);
    return named === undefined ? url : urlOf(named, url.origin, environment);
  }
  const { url } = platformOf(platform, environment);
  if (isLocal(url)) return localProject(project, url);
  const found = findProject(project, await projectsOf(platform, environment));
  if (found.state === "stopped") throw stoppedError(project);
  return found.url;
}

/** A project's state, with since when that sleeps: `asleep since 2026-11-30 03:12`, in the local time. */
function stateWords({ state, since }: ListedProject): string {
  const words = state === "parked" ? "being restored" : state.replace("-", " ");
  if (!since) return words;
  // Swedish writes dates as ISO 8601 does.
  return `${words} since ${since.toLocaleString("sv-SE", { dateStyle: "short", timeStyle: "short" })}`;
}

async function list(platform: string | undefined, environment: Environment): Promise<number> {
  const projects = await projectsOf(platform, environment);
  const answering = await Promise.all(
    projects.map((project) => answeringPorts(project, (url) => connectStored(url, environment))),
  );
  const rows = projects.map((project) => ({ ...project, state: stateWords(project) }));
  const width = (key: "name" | "state") => Math.max(...rows.map((row) => row[key].length));
  for (const [index, { name, state, url, ports }] of rows.entries()) {
    environment.print(`${name.padEnd(width("name"))}  ${state.padEnd(width("state"))}  ${url}`);
    for (const [label, at] of Object.entries(ports)) {
      const answers = answering[index]?.[label];
      const note = answers === undefined ? "" : answers ? ": answers" : ": nothing listens yet";
      environment.print(
        `${"".padEnd(width("name"))}  ${"".padEnd(width("state"))}  ${at}  port ${label}${note}`,
      );
    }
  }
  if (projects.length === 0) environment.warn("No projects found: ask to be added to a project's members.");
  return 0;
}

/** Resolves on SIGINT, SIGTERM or SIGHUP. */
const endedByUser = (): Promise<void> =>
  new Promise((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, () => resolve());
  });

type Attach = Command & { readonly kind: "attach" };

/** opencode, given the URL that it opens. */
type Client = (url: string) => Program;

/** Chooses the program, and what it opens. Fails before it starts a session if no program can open it. */
async function clientFor(
  { npx, more }: Attach,
  at: Connection,
  server: string,
  { env, warn }: Environment,
): Promise<Client> {
  const { terminal } = apiFor(server);
  const chosen = chooseProgram({ installed: await installedVersion(terminal, env), server, npx });
  const { command, args } =
    "pinned" in chosen ? { command: await pinnedProgram(chosen.pinned, { env, warn }), args: [] } : chosen;
  const { session, others } = await sessionToOpen(at, apiFor(server), more);
  return (url) => ({ command, args: [...args, ...terminal.args(url, others, session)] });
}

/** Serves the port for other clients until the user ends it. */
async function printUrl({ secretUrl }: LocalProxy, { print, warn }: Environment): Promise<number> {
  print(secretUrl);
  warn("Anyone with this URL can use the project as you. Press Ctrl-C to stop.");
  await endedByUser();
  return 0;
}

/** Runs opencode on the port, to its end. */
async function runClient(client: Client, { url, guard }: LocalProxy, { env }: Environment): Promise<number> {
  // opencode does not get Access's secrets.
  const { CF_ACCESS_CLIENT_ID: _id, CF_ACCESS_CLIENT_SECRET: _secret, ...others } = env;
  isDrawing = true;
  return await runProgram(client(url), { ...others, ...loopbackExempt(others), ...guard.environment });
}

async function attach(command: Attach, environment: Environment): Promise<number> {
  const at = connect(await urlOf(command.project, command.platform, environment), environment);
  const server = await serverVersion(at, { print: environment.warn });
  const problems = new Map<string, UserError>();
  const proxy = new LocalProxy({
    target: at.url,
    api: apiFor(server),
    agent: at.agent,
    credentials: at.credentials,
    onError: (problem) => problems.set(problem.kind, problem),
  });
  const client = command.print ? undefined : await clientFor(command, at, server, environment);
  await proxy.listen();
  try {
    return client ? await runClient(client, proxy, environment) : await printUrl(proxy, environment);
  } finally {
    isDrawing = false;
    await proxy.close();
    for (const problem of problems.values()) environment.warn(`${problem.message} ${problem.fix}`);
  }
}

/** Runs a command; returns the exit code. */
export async function run(command: Command, environment: Environment): Promise<number> {
  if (command.kind === "help") environment.print(USAGE);
  else if (command.kind === "ls") return await list(command.platform, environment);
  else if (command.kind === "attach") return await attach(command, environment);
  else await openBrowser((await urlOf(command.project, command.platform, environment)).href);
  return 0;
}
