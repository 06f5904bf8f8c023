import { GUARD_PROGRAM } from "../../components/host/packet-rules.ts";
import type { Names } from "../../config/naming/names.ts";
import type { RunDocker } from "./containers.ts";

/** What it means that a stack's packet rules are not in force. */
export const UNGUARDED =
  "projects reach this machine's services, its private networks and link-local addresses";

/** Why a stack's packet rules are not in force; undefined where they are. */
export async function guardProblem(
  run: RunDocker,
  { guard }: Pick<Names, "guard">,
): Promise<string | undefined> {
  const { code, stdout, stderr } = await run(["exec", guard, GUARD_PROGRAM, "check"]);
  if (code === 0) return undefined;
  return (stdout.trim() || stderr.trim() || "no reason given").replace(/^failed: /, "");
}
