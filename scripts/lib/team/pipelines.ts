/**
 * A team's pipelines, derived from the checkout's: npm installs the dependencies instead of the launcher, in the same way: without packages'
 * scripts but that of `node`, and without the job's secrets.
 */

/** GitLab gives a job's variables to each of its commands. On GitHub a step has what it names. */
const CLEAN = 'env -i "PATH=$PATH" "HOME=$HOME"';
const INSTALL = ["npm ci --ignore-scripts", "npm rebuild node"];

/** What affects a preview in a team's repository, besides the pipeline's own file. */
const FILES = [
  "projects.yaml",
  "Pulumi.yaml",
  "Pulumi.*.yaml",
  "index.ts",
  "package.json",
  "package-lock.json",
];

const HEADER = `# Previews a change as a comment, applies the default branch, and checks every night for drift from the files.
# node_modules/opencode-platform/docs/ci.md explains how to enable it, and its secrets.
`;

/** GitHub's workflow. */
export const githubPipeline = (text: string): string =>
  convert(text, {
    list: /^( +)(paths:\n)(?:\1 {2}- .+\n)+/m,
    file: ".github/workflows/opencode-platform.yml",
    step: "- run: npm ",
    install: INSTALL.map((line) => `- run: ${line}`),
  });

/** GitLab's pipeline. */
export const gitlabPipeline = (text: string): string =>
  convert(text, {
    list: /^( +)(changes:\n)(?:\1 {2}- .+\n)+/m,
    file: ".gitlab-ci.yml",
    step: "- npm ",
    install: INSTALL.map((line) => `- ${CLEAN} ${line}`),
  });

interface Conversion {
  /** The list of files, with its indentation and key. */
  readonly list: RegExp;
  /** The pipeline's own file. */
  readonly file: string;
  /** The start of a step that runs npm. */
  readonly step: string;
  /** The steps that install, without their indentation. */
  readonly install: readonly string[];
}

function convert(text: string, { list, file, step, install }: Conversion): string {
  const files = replaceOnce(text.replace(/^(?:#.*\n)+/, HEADER), list, (_, indent: string, key: string) =>
    [`${indent}${key}`, ...[...FILES, file].map((path) => `${indent}  - ${path}\n`)].join(""),
  );
  const runs = new RegExp(`^( +)${step}run `, "gm");
  if (!runs.test(files)) throw new Error(`${file}: no step runs npm`);
  return files.replace(runs, (_, indent: string) =>
    [...install, `${step}run `].map((line) => `${indent}${line}`).join("\n"),
  );
}

function replaceOnce(text: string, pattern: RegExp, by: (...match: string[]) => string): string {
  if (!pattern.test(text)) throw new Error(`The pipeline has no list ${pattern}`);
  return text.replace(pattern, by);
}
