/** Where a stack's workspaces are, and how its host is reached: this machine, or a droplet. */
import { DROPLET_WORKSPACES_DIR } from "../../config/naming/names.ts";
import { localWorkspaces } from "../../config/stack/workspaces-dir.ts";
import { docker } from "../../toolchain/lib/docker.ts";
import { type ExecResult, exec } from "../../toolchain/lib/exec.ts";
import type { RunDocker } from "../docker/containers.ts";
import { dropletDocker, onDroplet, provideAccess } from "../droplet/access.ts";
import { dockerEnv, readSettings, root } from "../engine/checkout.ts";
import { type Session, stackFlag } from "../engine/session.ts";
import { readState } from "../state/state.ts";

export interface WorkspacesPlace {
  /** Absolute path, on the host. */
  readonly directory: string;
  /** The host, for people: `this machine`. */
  readonly host: string;
  /** ` --stack prod`, for commands shown to people; empty for this machine's stack. */
  readonly stackFlag: string;
  /** Runs a shell script on the host. */
  run(script: string, timeoutMs: number): Promise<ExecResult>;
  readonly docker: RunDocker;
  /** The prefix of the stack's containers; undefined on a droplet, which has no other stack's. */
  readonly prefix?: string;
}

const runHere: WorkspacesPlace["run"] = (script, timeoutMs) => exec("sh", ["-c", script], { timeoutMs });

/** The place of a droplet's workspaces for its own panel that has no state: a directory of the container, and Docker's socket. */
export const mountedPlace = (
  session: Session,
  { directory, ...docker }: Pick<WorkspacesPlace, "directory" | "docker"> & { readonly prefix: string },
): WorkspacesPlace => ({
  ...docker,
  directory,
  host: "the droplet",
  stackFlag: stackFlag(session),
  run: runHere,
});

/** The place of a stack's workspaces; undefined for a stack that has no droplet. @throws UserError if its state can't be read */
export async function placeOf(session: Session): Promise<WorkspacesPlace | undefined> {
  const flag = { stackFlag: stackFlag(session) };
  if (session.isLocal) {
    const settings = readSettings();
    const env = dockerEnv(settings);
    return {
      ...flag,
      directory: localWorkspaces(settings, root).path,
      host: "this machine",
      run: runHere,
      docker: (args, timeoutMs) => docker(args, env, timeoutMs),
      prefix: settings.namePrefix,
    };
  }
  const access = provideAccess(session, await readState(session)).at(-1);
  if (!access) return undefined;
  return {
    ...flag,
    directory: DROPLET_WORKSPACES_DIR,
    host: `the droplet ${access.alias}`,
    run: (script, timeoutMs) => onDroplet(session, access, script, timeoutMs),
    docker: dropletDocker(session, access),
  };
}
