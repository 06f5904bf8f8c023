import { UserError } from "../../config/errors.ts";
import { which } from "../../config/which.ts";

/** Programs of the machine that deploys, and what to do without one. */
const TOOLS = {
  ssh: "install OpenSSH's client (on Debian and Ubuntu: apt-get install openssh-client)",
  cloudflared:
    "install cloudflared (https://developers.cloudflare.com/cloudflare-one/connections/connect-networks/downloads/)",
} as const;

/** @throws UserError naming every program that is not on PATH. */
export function assertToolsInstalled(tools: readonly (keyof typeof TOOLS)[], why: string): void {
  const missing = tools.filter((tool) => !which(tool));
  if (missing.length === 0) return;
  throw new UserError(
    "environment",
    missing.map((tool) => ({ where: tool, what: `is not installed: ${why}`, fix: TOOLS[tool] })),
  );
}
