/** Whom a project's files belong to on a stack's host, as components/host makes its directories. */
import { IMAGE_USER, localUsers, projectUser } from "../../components/host/users.ts";
import type { Session } from "../engine/session.ts";
import type { CopyOwner } from "./client.ts";

/** @param me whoever runs the platform of this machine. Default: this process */
export const ownerOf = (
  { isLocal }: Pick<Session, "isLocal">,
  name: string,
  me: Parameters<typeof localUsers>[0] = {},
): CopyOwner => ({
  name,
  ...(isLocal ? localUsers(me).userOf(name) : projectUser(IMAGE_USER, name)),
});
