/** Whom a project's files belong to on a stack's host. */
import { mapsProjectUids, projectUser, type User } from "../../components/host/users.ts";
import { readOptional } from "../../config/text/read-optional.ts";
import type { Session } from "../engine/session.ts";
import type { CopyOwner } from "./client.ts";

/** The image's user, whose group all projects have. */
const IMAGE_USER = { uid: 1000, gid: 1000 };

/** As components/host makes its directories: of this machine by whoever runs the platform. */
export function ownerOf(
  { isLocal }: Pick<Session, "isLocal">,
  name: string,
  { uid = process.getuid?.() ?? 1000, gid = process.getgid?.() ?? 1000, uidMap = readUidMap() } = {},
): CopyOwner {
  const ids = (): User => {
    if (!isLocal) return projectUser(IMAGE_USER, name);
    if (uid !== 0) return { uid, gid };
    return mapsProjectUids(uidMap) ? projectUser(IMAGE_USER, name) : IMAGE_USER;
  };
  return { name, ...ids() };
}

const readUidMap = (): string => readOptional("/proc/self/uid_map") ?? "";
