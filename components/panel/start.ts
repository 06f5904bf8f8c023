/** What the panel's container runs. */

/** The image's own program: it brings the checkout up to date, and its last line starts `scripts/run.mjs` in it. */
export const IMAGE_PROGRAM = "/usr/local/lib/opencode-platform/panel";

const QUIET = "--no-audit --no-fund --loglevel=warn";

/** Variables by which programs reach the network, and private packages. */
export const NETWORK_VARIABLES = [
  "HTTP_PROXY",
  "HTTPS_PROXY",
  "NO_PROXY",
  "http_proxy",
  "https_proxy",
  "no_proxy",
  "NPM_TOKEN",
  "NODE_AUTH_TOKEN",
  "NODE_EXTRA_CA_CERTS",
] as const;

/** The environment of an install, as the launcher makes it (scripts/lib/launcher.mjs): what updates need is not for packages. */
const WITHOUT_SECRETS = `env -i ${["PATH", "HOME", "TMPDIR", "npm_config_cache", ...NETWORK_VARIABLES]
  .map((name) => `\${${name}+"${name}=$${name}"}`)
  .join(" ")}`;

/**
 * The entry point for a repository that has the platform as a package. Such a repository has no `scripts/run.mjs`, so the image's program is run
 * up to its last line; then npm installs what package-lock.json says, without a package's scripts but that of `node` and without the secrets of updates, and the package starts the panel.
 */
export const packageEntryPoint = (program = IMAGE_PROGRAM): string[] => [
  "/bin/bash",
  "-c",
  `. <(sed '$d' ${program}) && ${WITHOUT_SECRETS} npm ci --ignore-scripts ${QUIET} && ${WITHOUT_SECRETS} npm rebuild node --ignore-scripts=false ${QUIET} && exec node_modules/.bin/opencode-platform panel`,
];
