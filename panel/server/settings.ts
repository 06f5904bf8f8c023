/** The panel's settings, from the stack's config and, on a droplet, its container's environment. */
import { type Problem, UserError } from "../../config/errors.ts";
import type { Settings } from "../../config/stack/settings.ts";
import { pipelinesPage } from "./platform/pipeline.ts";

/** Variables that components/panel/panel.ts sets. */
const VARIABLES = {
  port: "OPENCODE_PLATFORM_PANEL_PORT",
  hostname: "OPENCODE_PLATFORM_PANEL_HOSTNAME",
  team: "OPENCODE_PLATFORM_PANEL_TEAM",
  audience: "OPENCODE_PLATFORM_PANEL_AUDIENCE",
  apply: "OPENCODE_PLATFORM_PANEL_APPLY",
} as const;

/** Settings of the panel, local or on a droplet. */
export interface ServerSettings {
  /** Port of 127.0.0.1 that it listens on. */
  readonly port: number;
  readonly idleDays?: number | undefined;
  /** On this machine, directories that repositories may be in. */
  readonly repoDirectories?: readonly string[] | undefined;
  /** Where each change is pushed. */
  readonly git?: { readonly remote: string; readonly branch: string } | undefined;
  /** Whether a pipeline applies what is pushed, since this process was given nothing to do so with; with the address of its page, if known. */
  readonly pipeline?: { readonly page: string | undefined } | undefined;
  /** Behind Access, on a droplet. */
  readonly access?: { readonly hostname: string; readonly team: string; readonly audience: string };
}

/**
 * Reads the panel's settings.
 * @throws UserError for a stack on a droplet if the container's variables are not set: requests could not be authenticated
 */
export function readServerSettings(
  { panel }: Pick<Settings, "panel">,
  isLocal: boolean,
  env: Readonly<Record<string, string | undefined>>,
): ServerSettings {
  const { port, idleDays, git, repoDirectories } = panel;
  if (isLocal) return { port, idleDays, git, repoDirectories };
  const names = [VARIABLES.hostname, VARIABLES.team, VARIABLES.audience];
  const missing = names.filter((name) => !env[name]);
  if (missing.length > 0) throw new UserError("config", [runsOnDropletError(missing)]);
  const {
    [VARIABLES.hostname]: hostname = "",
    [VARIABLES.team]: team = "",
    [VARIABLES.audience]: audience = "",
  } = env;
  return {
    port: Number(env[VARIABLES.port] ?? port),
    idleDays,
    // The container's checkout is a clone of the repository, whose remote git calls origin.
    git: git && { remote: "origin", branch: git.branch },
    // Of the container, not of the branch, which may be ahead of it.
    ...(env[VARIABLES.apply] === "ci" && git
      ? { pipeline: { page: pipelinesPage(git.remote, git.branch) } }
      : {}),
    access: { hostname, team, audience },
  };
}

const runsOnDropletError = (missing: readonly string[]): Problem => ({
  where: "panel",
  what: `the panel of a stack on a droplet runs there, behind Access (${missing.join(", ")} ${missing.length === 1 ? "is" : "are"} not set)`,
  fix: "set panel.enabled (docs/panel.md)",
});
