/** What a person sees; the server decides what they may. Pure. */
import type { Me } from "./model.ts";

export type Act = "create" | "start" | "stop" | "edit" | "limits" | "members" | "delete" | "logs";

const ADMIN_ONLY: readonly Act[] = ["create", "limits", "members"];

/** Members act on their own projects, which are all they see; what takes of the host or names people is for admins. A machine looks on. */
export function can(me: Pick<Me, "admin" | "kind">, act: Act): boolean {
  if (me.admin || act === "logs") return true;
  return me.kind === "person" && !ADMIN_ONLY.includes(act);
}
