import { existsSync } from "node:fs";
import { join } from "node:path";
import { dockerHost } from "../../toolchain/lib/docker.ts";
import { pulumiHome } from "../../toolchain/parts/plugins.ts";
import { toolchainPath } from "../../toolchain/paths.ts";
import { type Backend, chooseBackend, choosePassphrase, projectBackend } from "./backend.ts";
import { PROJECT, readSettings, root, STACK, toolchain } from "./checkout.ts";
import { type CommandLine, namedStack, needsStack } from "./command-line.ts";

/** A stack and the environment for working on it. */
export interface Session {
  /** The stack's name for Pulumi: `prod`, or `<organisation>/<project>/prod`. */
  readonly reference: string;
  /** Its short name, as in Pulumi.prod.yaml. */
  readonly stack: string;
  /** Whether it is this machine's stack. */
  readonly isLocal: boolean;
  readonly backend: Backend;
  /** Variables for Pulumi; `undefined` removes one. */
  readonly variables: Readonly<Record<string, string | undefined>>;
}

/** The environment that a session depends on. */
type Environment = Readonly<Record<string, string | undefined>>;

/** Opens a stack's session. Default: this machine's stack. */
export function openSession(reference: string = STACK, env: Environment = process.env): Session {
  const stack = reference.split("/").at(-1) ?? "";
  return makeSession(reference, stack === STACK, env);
}

function makeSession(reference: string, isLocal: boolean, env: Environment): Session {
  const backend = chooseBackend(isLocal, { env, project: isLocal ? undefined : projectBackend() });
  const docker = isLocal ? dockerHost(dockerSocket()) : undefined;
  const variables = {
    PULUMI_BACKEND_URL: backend.url,
    ...choosePassphrase(isLocal, backend, env),
    PULUMI_STACK: reference,
    PULUMI_SKIP_UPDATE_CHECK: "true",
    // Compares independent resources in parallel.
    PULUMI_PARALLEL_DIFF: "true",
    ...(docker ? { DOCKER_HOST: docker } : {}),
    PATH: toolchainPath(root),
  };
  return {
    reference,
    stack: reference.split("/").at(-1) ?? "",
    isLocal,
    backend,
    // Stand-ins may be replaced while a session is open.
    get variables() {
      const home = pulumiHome(toolchain);
      return home ? { ...variables, PULUMI_HOME: home } : variables;
    },
  };
}

/** The program reports invalid settings; here they count as the default. */
function dockerSocket(): string | undefined {
  try {
    return readSettings().dockerSocket;
  } catch {
    return undefined;
  }
}

/** The session of a command line: the stack it names, PULUMI_STACK, or this machine's stack. */
export function sessionFor(line: CommandLine, env: Environment = process.env): Session {
  const named = namedStack(line);
  const reference = named || env.PULUMI_STACK || STACK;
  // A command without a stack (`stack ls`, `whoami`) uses the backend that the user chose.
  const session = openSession(reference, env);
  return named || needsStack(line) ? session : makeSession(reference, false, env);
}

/** Whether a stack exists in a folder's backend; `undefined` for other backends. */
export function stackExists({ stack, backend }: Pick<Session, "stack" | "backend">): boolean | undefined {
  if (!backend.folder) return undefined;
  const file = join(backend.folder, ".pulumi", "stacks", PROJECT, `${stack}.json`);
  return existsSync(file) || existsSync(`${file}.gz`);
}

/** ` --stack prod`, for commands shown to people; empty for the default stack. */
export const stackFlag = ({ isLocal, reference }: Pick<Session, "isLocal" | "reference">): string =>
  isLocal ? "" : ` --stack ${reference}`;

/** A command shown to people: `npm run pulumi -- up --stack prod`. */
export const commandFor = (session: Pick<Session, "isLocal" | "reference">, args: string): string =>
  `npm run pulumi -- ${args}${stackFlag(session)}`;

/** One of the npm scripts on a stack, for people: `npm run doctor -- --stack prod`. @param flag as `stackFlag` makes it */
export const scriptOn = (script: string, flag: string): string => `npm run ${script}${flag && ` --${flag}`}`;
