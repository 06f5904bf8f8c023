import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { ConfigError } from "../../config/errors.ts";

/** Programs of the machine that deploys, and what to do without one. */
const TOOLS = {
  ssh: "install OpenSSH's client (on Debian and Ubuntu: apt-get install openssh-client)",
  cloudflared:
    "install cloudflared (https://developers.cloudflare.com/cloudflare-one/connections/connect-networks/downloads/)",
} as const;

/** @throws ConfigError naming every program that is not on PATH. */
export function assertToolsInstalled(tools: readonly (keyof typeof TOOLS)[], why: string): void {
  const missing = tools.filter((tool) => !isOnPath(tool));
  if (missing.length === 0) return;
  throw new ConfigError(
    missing.map((tool) => ({ where: tool, what: `is not on this machine: ${why}`, fix: TOOLS[tool] })),
  );
}

function isOnPath(tool: string): boolean {
  return (process.env.PATH ?? "").split(delimiter).some((directory) => {
    try {
      accessSync(join(directory || ".", tool), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
