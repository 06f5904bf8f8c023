/** Which controls a person sees; the server enforces permissions. Pure. */
import type { Me } from "./model.ts";

export type Act =
  | "create"
  | "start"
  | "stop"
  | "edit"
  | "rollback"
  | "limits"
  | "members"
  | "delete"
  | "logs";

const ADMIN_ONLY: readonly Act[] = ["create", "limits", "members"];

/** Members manage the projects they can see; only admins create projects and set limits and members. Machines are read-only. */
export function can(me: Pick<Me, "admin" | "kind">, act: Act): boolean {
  if (me.admin || act === "logs") return true;
  return me.kind === "person" && !ADMIN_ONLY.includes(act);
}
