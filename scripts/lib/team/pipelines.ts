/**
 * A team's pipelines, derived from the checkout's: `npm ci` installs the dependencies instead of the
 * launcher.
 */

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
  });

/** GitLab's pipeline. */
export const gitlabPipeline = (text: string): string =>
  convert(text, { list: /^( +)(changes:\n)(?:\1 {2}- .+\n)+/m, file: ".gitlab-ci.yml", step: "- npm " });

interface Conversion {
  /** The list of files, with its indentation and key. */
  readonly list: RegExp;
  /** The pipeline's own file. */
  readonly file: string;
  /** The start of a step that runs npm. */
  readonly step: string;
}

function convert(text: string, { list, file, step }: Conversion): string {
  const files = replaceOnce(text.replace(/^(?:#.*\n)+/, HEADER), list, (_, indent: string, key: string) =>
    [`${indent}${key}`, ...[...FILES, file].map((path) => `${indent}  - ${path}\n`)].join(""),
  );
  const runs = new RegExp(`^( +)${step}run `, "gm");
  if (!runs.test(files)) throw new Error(`${file}: no step runs npm`);
  return files.replace(runs, `$1${step}ci\n$1${step}run `);
}

function replaceOnce(text: string, pattern: RegExp, by: (...match: string[]) => string): string {
  if (!pattern.test(text)) throw new Error(`The pipeline has no list ${pattern}`);
  return text.replace(pattern, by);
}
