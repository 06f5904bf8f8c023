/**
 * A team's pipelines, derived from the checkout's: npm installs the dependencies instead of the launcher, in the same way: without packages'
 * scripts but that of `node`, and without the job's secrets.
 */

/** GitLab gives a job's variables to each of its commands. On GitHub a step has what it names. */
const CLEAN = 'env -i "PATH=$PATH" "HOME=$HOME"';
const INSTALL = ["npm ci --ignore-scripts", "npm rebuild node"];

const HEADER = `# Previews a change as a comment, applies the default branch, and checks every night for drift from the files.
# node_modules/opencode-platform/docs/ci.md explains how to enable it, and its secrets.
`;

/** GitHub's workflow. */
export const githubPipeline = (text: string): string =>
  convert(
    text,
    "- run: npm ",
    INSTALL.map((line) => `- run: ${line}`),
  );

/** GitLab's pipeline. */
export const gitlabPipeline = (text: string): string =>
  convert(
    text,
    "- npm ",
    INSTALL.map((line) => `- ${CLEAN} ${line}`),
  );

/**
 * @param step the start of a step that runs npm
 * @param install the steps that install, without their indentation
 */
function convert(text: string, step: string, install: readonly string[]): string {
  const runs = new RegExp(`^( +)${step}run `, "gm");
  if (!runs.test(text)) throw new Error("The pipeline: no step runs npm");
  return text
    .replace(/^(?:#.*\n)+/, HEADER)
    .replace(runs, (_, indent: string) =>
      [...install, `${step}run `].map((line) => `${indent}${line}`).join("\n"),
    );
}
