/** The files of a team's repository, which uses the platform as a package. See docs/adopting.md. */

import { TEAM_COMMANDS } from "../launcher.mjs";
import { githubPipeline, gitlabPipeline } from "./pipelines.ts";

/** Options of `init`. */
export interface TeamOptions {
  /** Name of the repository, for its package.json. */
  readonly name: string;
  /** The forge of the pipeline. */
  readonly forge: "github" | "gitlab";
  /**
   * The package's npm spec: `^0.2.0`, which package-lock.json pins and `npm update` updates to the newest
   * 0.2, or the path of a tarball (`file:../opencode-platform-0.2.0.tgz`).
   */
  readonly spec: string;
}

/** Source of the files: this package. */
export interface TeamSource {
  /** Text of one of the package's files. */
  read(path: string): string;
  /** The package's `allowScripts`: npm 11 runs no other install scripts. */
  readonly allowScripts: Readonly<Record<string, boolean>>;
}

/** The package's path in a team's repository. */
const PACKAGE = "node_modules/opencode-platform";

/** npm scripts that run a command of the package. */
const SCRIPTS = TEAM_COMMANDS.filter((command) => command !== "init");

/**
 * Everything that the scripts write for one machine. Without this file, `git add .` would add the state's
 * passphrase.
 */
const IGNORED = `node_modules/
.toolchain/
.state/
.workspaces/
.runtime/
Pulumi.local.yaml
*.yaml.tmp
.projects.yaml.lock*
`;

const INDEX = `/** The platform's program. It reads projects.yaml in this folder and the stack's settings. */
import outputs from "opencode-platform";
export default outputs;
`;

/** All files by their path in the repository. */
export function teamFiles(options: TeamOptions, { read, allowScripts }: TeamSource): Record<string, string> {
  const pipeline: Record<string, string> =
    options.forge === "github"
      ? { ".github/workflows/opencode-platform.yml": githubPipeline(read(".github/workflows/platform.yml")) }
      : { ".gitlab-ci.yml": gitlabPipeline(read(".gitlab-ci.yml")) };
  return {
    "index.ts": INDEX,
    "projects.yaml": read("projects.yaml").replace("$schema=./", `$schema=./${PACKAGE}/`),
    "Pulumi.yaml": read("Pulumi.yaml"),
    "Pulumi.prod.yaml": inPackage(read("Pulumi.prod.yaml")),
    "package.json": packageJson(options, allowScripts),
    ...pipeline,
    ".gitignore": IGNORED,
  };
}

/** Points links to the documentation in the package. */
const inPackage = (text: string): string =>
  text.replaceAll(/(?<![\w/])docs\/(?=\w+\.md)/g, `${PACKAGE}/docs/`);

function packageJson({ name, spec }: TeamOptions, allowScripts: Readonly<Record<string, boolean>>): string {
  const manifest = {
    name: packageName(name),
    private: true,
    type: "module",
    scripts: Object.fromEntries([
      ...SCRIPTS.map((script) => [script, `opencode-platform ${script}`]),
      ["attach", "opencode-platform attach"],
    ]),
    dependencies: { "opencode-platform": spec },
    allowScripts,
  };
  return `${JSON.stringify(manifest, null, 2)}\n`;
}

/** The folder's name as a valid package name other than opencode-platform, which it depends on. */
function packageName(folder: string): string {
  const name = folder
    .toLowerCase()
    .replace(/[^a-z0-9._-]+/g, "-")
    .replace(/^[._-]+|[._-]+$/g, "");
  return !name || name === "opencode-platform" || name === "node_modules" ? "our-opencode-platform" : name;
}
