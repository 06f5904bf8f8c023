/** Which controls a person sees; the server enforces permissions. Pure. */
import type { ProjectView } from "./model.ts";

export type Act =
  | "start"
  | "stop"
  | "edit"
  | "rollback"
  | "setup"
  | "login"
  | "delete"
  | "backups"
  | "logs"
  | "wake"
  | "sleep"
  | "history";

const MEMBERS: readonly Act[] = ["start", "stop", "login", "logs", "wake", "sleep", "history"];
const OWNERS: readonly Act[] = [...MEMBERS, "edit", "rollback", "setup", "backups", "delete"];
const ACTS: Readonly<Record<ProjectView["role"], readonly Act[]>> = {
  admin: OWNERS,
  owner: OWNERS,
  member: MEMBERS,
  machine: ["logs", "history"],
};

/** Whether a person can do something to a project, by what the server says that they are to it. */
export const can = ({ role }: Pick<ProjectView, "role">, act: Act): boolean => ACTS[role].includes(act);
