/** The host of a stack's containers, as the checks reach it. */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { type SshAccess, sshConfigFile } from "../../components/host/ssh-files.ts";
import {
  DROPLET_RUNTIME_DIR,
  LOCAL_RUNTIME_DIR,
  makeNames,
  type Names,
  ROUTES_DIR,
} from "../../config/naming/names.ts";
import type { Settings } from "../../config/stack/settings.ts";
import { shellQuote } from "../../config/text/shell.ts";
import { docker } from "../../toolchain/lib/docker.ts";
import { type ContainerState, listContainersBy, type RunDocker } from "../docker/containers.ts";
import { dropletDocker, onDroplet, provideAccess } from "../droplet/access.ts";
import { dockerEnv, root } from "../engine/checkout.ts";
import { commandFor, openSession, type Session, stackFlag } from "../engine/session.ts";
import type { Deployment } from "../state/checkpoint.ts";
import type { FixCommands } from "./finding.ts";

/** A stack's host, and how to reach it if it is not this machine. */
export interface StackHost {
  readonly names: Names;
  readonly commands: FixCommands;
  /** ` --stack prod`, for commands; empty for this machine's stack. */
  readonly stackFlag: string;
  containers(): Promise<ContainerState[]>;
  /** Runs the Docker client for it. */
  readonly docker: RunDocker;
  /** Names of the files in its directory of routes. Throws if the host is not responding. */
  routeFiles(): Promise<readonly string[]>;
}

export function localHost(settings: Settings): StackHost {
  const env = dockerEnv(settings);
  const names = makeNames(settings.namePrefix);
  const routes = join(root, LOCAL_RUNTIME_DIR, ROUTES_DIR);
  return {
    names,
    stackFlag: "",
    commands: {
      apply: "npm start",
      pulumi: (args) => commandFor(openSession(), args),
      docker: (args) => `docker ${args}`,
      setup: (project) => `npm run setup -- ${project}`,
    },
    docker: (args, timeoutMs) => docker(args, env, timeoutMs),
    containers: () => listContainersBy((args) => docker(args, env), names.prefix),
    routeFiles: async () => (existsSync(routes) ? readdirSync(routes) : []),
  };
}

export interface DropletHost extends StackHost {
  readonly access: SshAccess;
}

/** The droplet in a state, if there is one. The state must have been read with its secrets. */
export function dropletHost(
  session: Session,
  deployment: Deployment,
  prefix: string,
): DropletHost | undefined {
  const access = provideAccess(session, deployment).at(-1);
  if (!access) return undefined;
  const { alias } = access;
  const names = makeNames(prefix);
  const run: RunDocker = dropletDocker(session, access);
  const routes = shellQuote(join(DROPLET_RUNTIME_DIR, ROUTES_DIR));
  return {
    access,
    names,
    stackFlag: stackFlag(session),
    commands: {
      apply: commandFor(session, "up --refresh"),
      pulumi: (args) => commandFor(session, args),
      docker: (args) => `ssh -F ${sshConfigFile(session.stack, alias)} ${alias} docker ${args}`,
      setup: (project) => `npm run setup -- ${project}${stackFlag(session)}`,
    },
    docker: run,
    containers: () => listContainersBy(run, names.prefix),
    routeFiles: async () => {
      const { code, stdout, stderr } = await onDroplet(session, access, `ls ${routes}`);
      if (code !== 0) throw new Error(`${alias}: ${stderr.trim() || "no answer"}`);
      return stdout.split("\n").filter(Boolean);
    },
  };
}
