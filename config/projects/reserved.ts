/**
 * Project names that are refused, each with its reason. A name becomes a hostname (`<name>.localhost`, or one
 * label under the team's domain), a container and a directory.
 */
const RESERVED_PROJECTS: Readonly<Record<string, string>> = {
  traefik: "the gateway's own name",
  dashboard: "used by the gateway's pages",
  api: "used by the gateway's pages",
  ping: "the gateway's health check",
  notice: "the page shown for stopped projects",
  panel: "the platform's own page",
  cloudflared: "the tunnel's own name",
  tunnel: "the tunnel's own name",
  ssh: "the name under which a server is reached over SSH",
  localhost: "every machine's own name",
  www: "the name of a site rather than a project",
};

/** Why a project may not have this name, or undefined when it may. */
export function reservedProjectReason(name: string): string | undefined {
  if (name.startsWith("xn--")) return "browsers read a hostname that starts with xn-- as an encoded one";
  return Object.hasOwn(RESERVED_PROJECTS, name) ? RESERVED_PROJECTS[name] : undefined;
}

const OPENCODE = "the platform sets it so that the gateway can reach opencode";
const HOME = "sessions would be lost or misplaced";
const GIT = "the platform sets it from the project's git: key";
const CONFIG = "the platform writes opencode's settings from the opencode: key";

/** Names of variables that are refused in `env` and `secrets`, each with its reason. */
const RESERVED_VARIABLES: Readonly<Record<string, string>> = {
  OPENCODE_PASSWORD: OPENCODE,
  OPENCODE_SERVER_PASSWORD: OPENCODE,
  OPENCODE_SERVER_USERNAME: OPENCODE,
  OPENCODE_CONFIG: CONFIG,
  OPENCODE_CONFIG_CONTENT: CONFIG,
  OPENCODE_CONFIG_DIR: CONFIG,
  OPENCODE_DISABLE_PROJECT_CONFIG: CONFIG,
  HOME,
  XDG_CACHE_HOME: HOME,
  XDG_CONFIG_HOME: HOME,
  XDG_DATA_HOME: HOME,
  XDG_STATE_HOME: HOME,
  PATH: "set by the image; a wrong value keeps the container from starting",
  LD_PRELOAD: "it can keep every program in the container from starting",
  LD_LIBRARY_PATH: "it can keep every program in the container from starting",
  GIT_ASKPASS: GIT,
  GIT_SSH: GIT,
  GIT_SSH_COMMAND: GIT,
  GIT_TERMINAL_PROMPT: GIT,
  SSH_ASKPASS: GIT,
  SSH_AUTH_SOCK: GIT,
};

/** Names that start so are the platform's own. */
const PLATFORM_PREFIX = "OPENCODE_PLATFORM_";

/** Why a variable or secret may not have this name, or undefined when it may. */
export function reservedVariableReason(name: string): string | undefined {
  if (name.startsWith(PLATFORM_PREFIX)) return `names in ${PLATFORM_PREFIX}… are the platform's own`;
  return Object.hasOwn(RESERVED_VARIABLES, name) ? RESERVED_VARIABLES[name] : undefined;
}
