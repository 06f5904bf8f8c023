import { existsSync } from "node:fs";
import { join } from "node:path";
import { dockerHost } from "../../toolchain/lib/docker.ts";
import { pulumiHome } from "../../toolchain/parts/plugins.ts";
import { toolchainPath } from "../../toolchain/paths.ts";
import { type Backend, chooseBackend, choosePassphrase, projectBackend } from "./backend.ts";
import { PROJECT, readSettings, root, STACK, toolchain } from "./checkout.ts";
import { type CommandLine, namedStack, needsStack } from "./command-line.ts";

/** A stack and all that Pulumi has to be told to work on it. */
export interface Session {
  /** The stack as Pulumi is told: `prod`, or `<organisation>/<project>/prod`. */
  readonly reference: string;
  /** Its plain name, as in Pulumi.prod.yaml. */
  readonly stack: string;
  /** The stack of this machine. */
  readonly isLocal: boolean;
  readonly backend: Backend;
  /** Variables for Pulumi; one that is `undefined` must not be set. */
  readonly variables: Readonly<Record<string, string | undefined>>;
}

/** What decides of a session besides the stack's name. */
type Environment = Readonly<Record<string, string | undefined>>;

/** The session of a stack; without a name, of the stack of this machine. */
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
    // The engine compares independent resources at the same time.
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

/** Settings that are wrong are the program's to explain; here they count as the default. */
function dockerSocket(): string | undefined {
  try {
    return readSettings().dockerSocket;
  } catch {
    return undefined;
  }
}

/** The session that a command line asks for: what it names itself, else PULUMI_STACK, else the stack of this machine. */
export function sessionFor(line: CommandLine, env: Environment = process.env): Session {
  const named = namedStack(line);
  const reference = named || env.PULUMI_STACK || STACK;
  // A command for no stack at all (`stack ls`, `whoami`) goes to the backend that the person has chosen.
  const session = openSession(reference, env);
  return named || needsStack(line) ? session : makeSession(reference, false, env);
}

/** Whether a stack of a folder's backend has been made; `undefined` where only Pulumi knows. */
export function stackExists({ stack, backend }: Pick<Session, "stack" | "backend">): boolean | undefined {
  if (!backend.folder) return undefined;
  const file = join(backend.folder, ".pulumi", "stacks", PROJECT, `${stack}.json`);
  return existsSync(file) || existsSync(`${file}.gz`);
}

/** ` --stack prod`, for commands that people are told; nothing for the stack that is taken anyway. */
export const stackFlag = ({ isLocal, reference }: Pick<Session, "isLocal" | "reference">): string =>
  isLocal ? "" : ` --stack ${reference}`;

/** A command for people: `npm run pulumi -- up --stack prod`. */
export const commandFor = (session: Pick<Session, "isLocal" | "reference">, args: string): string =>
  `npm run pulumi -- ${args}${stackFlag(session)}`;
