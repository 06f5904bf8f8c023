import type { Settings } from "../../config/stack/settings.ts";
import { docker } from "../../toolchain/lib/docker.ts";
import { dropletDocker, provideAccess } from "../droplet/access.ts";
import { dockerEnv } from "../engine/checkout.ts";
import type { Session } from "../engine/session.ts";
import { readState } from "../state/state.ts";
import type { RunDocker } from "./containers.ts";

/** The Docker client of a stack's host; undefined for a stack that has no droplet yet. */
export async function dockerOfStack(session: Session, settings: Settings): Promise<RunDocker | undefined> {
  if (session.isLocal) return (args, ...how) => docker(args, dockerEnv(settings), ...how);
  const access = provideAccess(session, await readState(session)).at(-1);
  return access && dropletDocker(session, access);
}
