/**
 * Commands of the projects' image that a person may name in projects.yaml: the one list of them. Whoever adds a package to
 * opencode/build/packages adds its commands here. Debian's essential packages and Node are in the base image.
 */
export const SLIM_IMAGE_COMMANDS: readonly string[] = [
  // The base image: Node and what comes with it.
  ...["node", "npm", "npx", "corepack", "yarn", "yarnpkg"],
  // Debian's essential packages, as far as a server is started with one.
  ...["bash", "sh", "env", "perl", "timeout", "nice", "nohup", "setsid", "xargs"],
  // What the platform itself needs.
  ...["curl", "git", "jq", "less", "opencode", "rg", "ssh", "unzip"],
];

/** The same without `slimImage`. */
export const IMAGE_COMMANDS: readonly string[] = [
  ...SLIM_IMAGE_COMMANDS,
  ...["gh", "git-lfs", "nano", "psql", "rsync", "sqlite3", "tmux", "vi", "zip"],
  ...["c++", "cc", "g++", "gcc", "make"],
  ...["pip", "pip3", "pipx", "python3", "uv", "uvx"],
];
