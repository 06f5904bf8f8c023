/** What a person sees; the server decides what they may. Pure. */
import type { Me } from "./model.ts";

export type Act = "create" | "start" | "stop" | "edit" | "members" | "delete" | "logs";

/** Members act on their own projects, which are all they see; projects, and who opens them, are for admins. */
export const may = (me: Pick<Me, "admin">, act: Act): boolean =>
  me.admin || !["create", "members"].includes(act);
