import { randomBytes } from "node:crypto";
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type Listening, listen, readBody } from "../../../lab/clouds/http.ts";
import { ACTIONS_LOGIN, type GitHubStandIn, startGitHub } from "../../../lab/forges/github.ts";
import { type GitLabStandIn, startGitLab } from "../../../lab/forges/gitlab.ts";
import { docker, execIn } from "../../support/docker.ts";
import { findLeaks } from "../../support/leaks.ts";
import { cleanEnv, type Entry, Platform } from "../../support/platform.ts";
import { answering } from "../../support/ready.ts";
import { type Ran, runScript } from "../../support/run.ts";
import { removeFolder, temporaryFolder } from "../../support/temporary.ts";

const platform = new Platform();
const word = (name: string) => `${name}${randomBytes(12).toString("hex")}`;

/** Secrets that must not be published. */
const secrets = {
  own: word("own"),
  forgeToken: word("token"),
  digitalOcean: word("dop"),
  cloudflare: word("cf"),
};
const epsilon: Entry = { name: "epsilon", secrets: ["WORD"], env: { COLOUR: "red" } };

/** Whatever forge runs these tests, the script must use the stand-in. */
function jobEnv(more: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const own = Object.entries(cleanEnv()).filter(([name]) => !/^(GITHUB_|GITLAB_|CI_|CI$)/.test(name));
  return {
    ...Object.fromEntries(own),
    CI: "true",
    DIGITALOCEAN_TOKEN: secrets.digitalOcean,
    CLOUDFLARE_API_TOKEN: secrets.cloudflare,
    ...more,
  };
}

describe("the pipelines", () => {
  const folder = temporaryFolder();
  const event = join(folder, "event.json");
  const summary = join(folder, "summary.md");
  const alerts: string[] = [];
  /** Everything that scripts printed or published. */
  const said: string[] = [];
  let gitHub: GitHubStandIn;
  let gitLab: GitLabStandIn;
  let chat: Listening;

  const gitHubEnv = () => ({
    GITHUB_ACTIONS: "true",
    GITHUB_API_URL: gitHub.apiUrl,
    GITHUB_REPOSITORY: gitHub.repository,
    GITHUB_SERVER_URL: "https://github.example",
    GITHUB_RUN_ID: "4711",
    GITHUB_EVENT_PATH: event,
    GITHUB_STEP_SUMMARY: summary,
    GITHUB_TOKEN: secrets.forgeToken,
    ALERT_WEBHOOK: `http://127.0.0.1:${chat.port}/hook`,
  });
  const gitLabEnv = () => ({
    GITLAB_CI: "true",
    CI_API_V4_URL: gitLab.apiUrl,
    CI_PROJECT_ID: gitLab.projectId,
    CI_MERGE_REQUEST_IID: "3",
    CI_JOB_URL: "https://gitlab.example/team/platform/-/jobs/4711",
    GITLAB_TOKEN: secrets.forgeToken,
  });

  async function ci(job: string, env: NodeJS.ProcessEnv, ...more: string[]): Promise<Ran> {
    const args = [job, "--stack", "local", ...more];
    const ran = await runScript(platform.fixture.root, "ci", args, { env: jobEnv(env) });
    said.push(ran.output);
    return ran;
  }

  function page(): string {
    const text = existsSync(summary) ? readFileSync(summary, "utf8") : "";
    rmSync(summary, { force: true });
    said.push(text);
    return text;
  }

  beforeAll(async () => {
    const bot = { login: ACTIONS_LOGIN, permissions: { "pull-requests": "write", issues: "write" } } as const;
    gitHub = await startGitHub({
      repository: "team/platform",
      tokens: { [secrets.forgeToken]: bot },
      pullRequests: [3],
    });
    gitLab = await startGitLab({
      projectId: "12",
      tokens: { [secrets.forgeToken]: { user: 9, role: "reporter", scopes: ["api"] } },
      mergeRequests: [3],
    });
    const server = createServer(async (request, response) => {
      alerts.push(await readBody(request));
      response.end();
    });
    chat = await listen(server, { host: "127.0.0.1" });
    writeFileSync(event, JSON.stringify({ pull_request: { number: 3 } }));
    await platform.configure("secrets:WORD", secrets.own, { secret: true });
    await platform.reset();
    await answering(platform, "alpha");
  });

  beforeEach(() => {
    alerts.length = 0;
    rmSync(summary, { force: true });
  });

  afterAll(async () => {
    await platform.reset();
    await platform.pulumi("config", "rm", "secrets:WORD");
    await Promise.all([gitHub?.close(), gitLab?.close(), chat?.close()]);
    removeFolder(folder);
  });

  const forges = {
    GitHub: { env: gitHubEnv, comments: () => gitHub.comments.map(({ body }) => body) },
    GitLab: { env: gitLabEnv, comments: () => gitLab.notes.map(({ body }) => body) },
  };

  it("previews a change's entries with this checkout's program, and nothing else of the change", async () => {
    const change = join(folder, "change");
    mkdirSync(change);
    platform.write([...platform.baseline(), epsilon]);
    copyFileSync(platform.path("projects.yaml"), join(change, "projects.yaml"));
    platform.write(platform.baseline());
    copyFileSync(platform.path("Pulumi.local.yaml"), join(change, "Pulumi.local.yaml"));
    writeFileSync(join(change, "index.ts"), "throw new Error('the branch ran');\n");
    const { code, output } = await ci("preview", {}, "--files", change);
    expect(code, output).toBe(0);
    expect(output).toContain("epsilon-container");
    expect(output).not.toContain("the branch ran");
    const settings = readFileSync(join(change, "Pulumi.local.yaml"), "utf8");
    const other = settings.replace(/^config:\n( +)/m, "config:\n$1docker:host: tcp://evil.example:2375\n$1");
    writeFileSync(join(change, "Pulumi.local.yaml"), other);
    const refused = await ci("preview", {}, "--files", change);
    expect([refused.code, refused.output]).toEqual([
      1,
      expect.stringContaining("changes docker:host, which can"),
    ]);
  });

  describe.each(Object.entries(forges))("preview on %s", (name, { env, comments }) => {
    it("shows an added project's resources in one comment, without creating any", async () => {
      const before = await platform.ids();
      platform.write([...platform.baseline(), epsilon]);
      const { code, output } = await ci("preview", env());
      expect(code, output).toBe(0);
      expect(comments()).toHaveLength(1);
      const [comment = ""] = comments();
      expect(comment).toMatch(
        /^<!-- opencode-platform preview local -->\n### Preview of `local`: \d+ to create, 2 to update, \d+ unchanged\n/,
      );
      expect(comment).toContain("| `epsilon` | create | container `epsilon-container` |");
      expect(comment).not.toContain("`alpha`");
      expect(comment).toContain("<details><summary>The engine's full text</summary>");
      expect(comment).toContain("4711");
      expect(output).toContain(`The preview is a comment on ${name}`);
      expect(await platform.ids()).toEqual(before);
    });

    it("updates the comment when the change is updated", async () => {
      platform.write([{ ...platform.baseline()[0], name: "alpha", env: { COLOUR: "blue" } }]);
      const { code, output } = await ci("preview", env());
      expect(code, output).toBe(0);
      expect(comments()).toHaveLength(1);
      const [comment = ""] = comments();
      expect(comment).toContain("| `alpha` | replace | container `alpha-container` | `envs");
      expect(comment).toContain("alpha is restarted:");
      expect(comment).toContain("beta is removed:");
      expect(comment).not.toContain("epsilon");
    });

    it("shows the problems of an invalid file, and fails", async () => {
      platform.write([
        ...platform.baseline(),
        { name: "alpha" },
        { name: "zeta", resources: { memory: "4 bananas" } },
      ]);
      const { code, output } = await ci("preview", env());
      expect(code, output).toBe(1);
      expect(comments()).toHaveLength(1);
      const [comment = ""] = comments();
      expect(comment).toContain("### Preview of `local`: failed");
      expect(comment).toMatch(
        /projects\.yaml:\d+:\d+ projects\[2\]\.name: "alpha" is already used by projects\[0\]/,
      );
      expect(comment).toMatch(/projects\.yaml:\d+:\d+ projects\[3\]\.resources\.memory: "4 bananas"/);
      expect(output).toContain("4 bananas");
    });
  });

  it("only prints the preview outside both forges", async () => {
    platform.write(platform.baseline());
    const { code, output } = await ci("preview", {});
    expect(code, output).toBe(0);
    expect(output).toContain("unchanged");
  });

  it("up applies, and writes a summary on the run's page", async () => {
    platform.write([...platform.baseline(), epsilon]);
    const { code, output } = await ci("up", { ...gitHubEnv(), GITHUB_TOKEN: "" });
    expect(code, output).toBe(0);
    expect(await platform.ids()).toHaveProperty(platform.container("epsilon"));
    expect(page()).toMatch(/### Applied to `local`: [\s\S]*created container .*epsilon/);
    expect((await platform.update()).changes).toEqual([]);
  });

  it("a failed up shows its last lines, and notifies the chat", async () => {
    await platform.configure("opencode-platform:baseImage", "127.0.0.1:9/no-such-image:1");
    const { code, output } = await ci("up", gitHubEnv()).finally(() =>
      platform.pulumi("config", "rm", "opencode-platform:baseImage"),
    );
    expect(code, output).toBe(1);
    const text = page();
    expect(text).toContain("### Applying to `local`: failed");
    expect(text).toContain("can't build image");
    expect(alerts).toEqual([expect.stringContaining("The update of local failed.")]);
  });

  describe("drift", () => {
    const open = () => gitHub.issues.filter(({ state, isPullRequest }) => state === "open" && !isPullRequest);
    const closed = () => gitHub.issues.filter(({ state }) => state === "closed");

    beforeAll(async () => {
      await platform.reset();
    });

    it("is none without changes", async () => {
      const { code, output } = await ci("drift", gitHubEnv());
      expect(code, output).toBe(0);
      expect(gitHub.issues).toHaveLength(1);
      expect(alerts).toEqual([]);
    });

    it("opens one issue about a removed container, and changes nothing", async () => {
      await docker.getContainer(platform.container("beta")).remove({ force: true });
      const state = readFileSync(platform.path(".state/.pulumi/stacks/opencode-platform/local.json"), "utf8");
      const { code, output } = await ci("drift", gitHubEnv());
      expect(code, output).toBe(2);
      expect(open()).toHaveLength(1);
      expect(open()[0]?.title).toBe("Drift: what runs in local differs from the files");
      expect(open()[0]?.body).toContain("| `beta` | create | container `beta-container` |");
      expect(open()[0]?.body).not.toContain("`alpha`");
      expect(alerts).toHaveLength(1);
      expect(await platform.ids()).not.toHaveProperty(platform.container("beta"));
      expect(readFileSync(platform.path(".state/.pulumi/stacks/opencode-platform/local.json"), "utf8")).toBe(
        state,
      );
    });

    it("leaves the issue alone while the drift is the same", async () => {
      const [before] = open().map(({ body }) => body);
      expect((await ci("drift", gitHubEnv())).code).toBe(2);
      expect(open().map(({ body }) => body)).toEqual([before]);
      expect(alerts).toEqual([]);
    });

    it("updates the issue when the drift changes", async () => {
      await docker.getContainer(platform.container("alpha")).remove({ force: true });
      expect((await ci("drift", gitHubEnv())).code).toBe(2);
      expect(open()).toHaveLength(1);
      expect(open()[0]?.body).toContain("| `alpha` | create | container `alpha-container` |");
      expect(alerts).toHaveLength(1);
    });

    it("has an issue on GitLab too", async () => {
      expect((await ci("drift", gitLabEnv())).code).toBe(2);
      expect(gitLab.issues.map(({ state }) => state)).toEqual(["opened"]);
    });

    it("closes the issue once the drift is fixed", async () => {
      expect((await ci("up", gitHubEnv())).code).toBe(0);
      alerts.length = 0;
      expect((await ci("drift", gitHubEnv())).code).toBe(0);
      expect(open()).toEqual([]);
      expect(closed()).toHaveLength(1);
      expect(gitHub.comments.at(-1)?.body).toContain("What runs in local matches the files.");
      expect(alerts).toHaveLength(1);
      expect((await ci("drift", gitLabEnv())).code).toBe(0);
      expect(gitLab.issues.map(({ state }) => state)).toEqual(["closed"]);
      await answering(platform, "alpha");
    });

    it("that can't be checked fails the job, without touching an issue", async () => {
      writeFileSync(platform.path("projects.yaml"), "projects: 4\n");
      const { code, output } = await ci("drift", gitHubEnv());
      platform.write(platform.baseline());
      expect(code, output).toBe(1);
      expect(open()).toEqual([]);
      expect(alerts).toEqual([expect.stringContaining("The drift check of local failed.")]);
    });
  });

  it("publish and print no secret", async () => {
    page();
    const password = (await execIn(platform.container("alpha"), ["cat", "/run/opencode/password"])).stdout;
    const passphrase = readFileSync(platform.path(".state", "passphrase"), "utf8");
    expect(password).toMatch(/^\w{32}$/);
    const published = [
      ...gitHub.comments.map(({ body }) => body),
      ...gitHub.issues.map(({ body }) => body),
      ...gitLab.notes.map(({ body }) => body),
      ...gitLab.issues.map(({ description }) => description),
      ...alerts,
      ...said,
    ];
    expect(published.join()).toContain("[secret]");
    const places = published.map((text, index) => ({ where: `text ${index}`, text }));
    expect(findLeaks({ ...secrets, password, passphrase }, places)).toEqual([]);
  });
});
