/** What the panel's container runs. */

/** The image's own program: it brings the checkout up to date, and its last line starts `scripts/run.mjs` in it. */
export const IMAGE_PROGRAM = "/usr/local/lib/opencode-platform/panel";

/**
 * The entry point for a repository that has the platform as a package. Such a repository has no `scripts/run.mjs`, so the image's program is run
 * up to its last line; then npm installs what package-lock.json says, and the package starts the panel.
 */
export const packageEntryPoint = (program = IMAGE_PROGRAM): string[] => [
  "/bin/bash",
  "-c",
  `. <(sed '$d' ${program}) && npm ci --no-audit --no-fund --loglevel=warn && exec node_modules/.bin/opencode-platform panel`,
];
