import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type GitServer, makeRepositories, pointerTo, startGit } from "../../../lab/forges/git.ts";
import { type SshServer, startSsh } from "../../../lab/forges/ssh-server.ts";
import { health, logsOf, shellIn } from "../../support/docker.ts";
import { callAt, projectApi } from "../../support/opencode.ts";
import { type Entry, Platform, type Updated } from "../../support/platform.ts";
import { answering } from "../../support/ready.ts";
import { must } from "../../support/run.ts";
import { removeFolder, temporaryFolder } from "../../support/temporary.ts";
import { waitFor, waitForText } from "../../support/wait.ts";

/** Another name for each release: a workspace is kept, and is cloned into only while it is empty. */
const PREFIX = `g${projectApi.major}`;
const NAMES = {
  token: `${PREFIX}-token`,
  shallow: `${PREFIX}-shallow`,
  kept: `${PREFIX}-kept`,
  flaky: `${PREFIX}-flaky`,
  key: `${PREFIX}-key`,
  otherHost: `${PREFIX}-other-host`,
  local: `${PREFIX}-local`,
  parts: `${PREFIX}-parts`,
};

const platform = new Platform();
const { port, host } = platform.fixture;
const TOKEN = "e2e-git-token-4b1d";

describe("workspaces cloned from git hosts", () => {
  const folder = temporaryFolder();
  const repositories = makeRepositories(folder);
  let git: GitServer;
  let flaky: GitServer;
  let ssh: SshServer;
  let entries: readonly Entry[];
  let updated: Updated;
  const local = join(folder, "checkout");
  const inLocal = (...args: string[]) => must("git", ["-C", local, ...AUTHOR, ...args]);

  beforeAll(async () => {
    repositories.add("private", [{ files: { "secret-plan.md": "private" } }]);
    repositories.add("history", [
      { files: { "one.txt": "1" } },
      { files: { "two.txt": "2" } },
      { branch: "feature", files: { "feature.txt": "f" } },
      { branch: "feature", files: { "feature.txt": "f2" } },
    ]);
    repositories.add("lib", [{ files: { "lib.txt": "lib" } }]);
    const lib = { url: `git@${host}:lib.git`, commit: repositories.head("lib") };
    const large = "*.bin filter=lfs diff=lfs merge=lfs -text\n";
    repositories.add("parts", [
      {
        files: { "big.bin": pointerTo(LARGE), ".gitattributes": large },
        submodules: { "vendor/lib": lib },
      },
    ]);
    git = await startGit(repositories, { tokens: { private: TOKEN, parts: TOKEN, lib: TOKEN } });
    flaky = await startGit(repositories);
    flaky.fail();
    ssh = await startSsh(repositories.root);
    await must("git", ["init", "--quiet", "--initial-branch", "main", local]);
    writeFileSync(join(local, ".env"), "TOKEN=untracked");
    await inLocal("commit", "--quiet", "--allow-empty", "-m", "first");
    const http = `http://${host}:${git.port}`;
    const knownHosts = [ssh.knownHost(host)];
    const impostor = [ssh.knownHost(host).replace(/ \S+$/, ` ${OTHER_HOST_KEY}`)];
    const repo = `ssh://git@${host}:${ssh.port}/history.git`;
    const network = { allow: platform.allow(git.port, flaky.port, ssh.port) };
    entries = [
      {
        name: NAMES.token,
        repo: `${http}/private.git`,
        secrets: ["GIT_TOKEN"],
        git: { auth: "token", secret: "GIT_TOKEN" },
      },
      {
        name: NAMES.parts,
        repo: `http://${host.toUpperCase()}:${git.port}/parts.git`,
        secrets: ["GIT_TOKEN"],
        git: {
          auth: "token",
          secret: "GIT_TOKEN",
          forge: "gitlab",
          name: "Shop agent",
          email: "shop@example.com",
        },
      },
      { name: NAMES.shallow, repo: `${http}/history.git`, branch: "feature", depth: 1 },
      { name: NAMES.kept, repo: `${http}/history.git` },
      { name: NAMES.flaky, repo: `http://${host}:${flaky.port}/history.git` },
      { name: NAMES.key, repo, git: { auth: "ssh", knownHosts } },
      { name: NAMES.otherHost, repo, git: { auth: "ssh", knownHosts: impostor } },
      { name: NAMES.local, repo: local },
    ].map((entry) => ({ ...entry, network }));
    putFile(NAMES.kept, "mine.txt", "not yours");
    for (const name of [NAMES.token, NAMES.parts])
      await platform.configure(`secrets:${name}/GIT_TOKEN`, TOKEN, { secret: true });
    updated = await platform.apply([...platform.baseline(), ...entries]);
    await Promise.all(entries.map(({ name }) => answering(platform, name)));
  });

  afterAll(async () => {
    await platform.reset();
    await Promise.all([git?.close(), flaky?.close(), ssh?.close()]);
    removeFolder(folder);
  });

  const line = async (name: string) => (await health(platform.container(name))).line;

  // These first: every failed attempt doubles the delay of the next.
  it("clones over SSH once the deploy key, an output, is authorized, not before", async () => {
    expect(updated.output).toContain("ssh-ed25519 ");
    await waitForText("a refusal", () => line(NAMES.key), /clone failed .*(Permission denied|publickey)/);
    expect(ssh.refused).toBeGreaterThan(0);
    const { stdout } = await platform.pulumi("stack", "output", "projects", "--json");
    const outputs = JSON.parse(stdout) as Record<string, { deployKey?: string }>;
    ssh.authorize(outputs[NAMES.key]?.deployKey ?? "");
    await waitForText("a clone", () => line(NAMES.key), "serving; workspace: cloned", { within: 400_000 });
    expect(ssh.accepted).toBeGreaterThan(0);
    expect(readFileSync(join(platform.workspace(NAMES.key), "two.txt"), "utf8")).toBe("2");
  });

  it("reports a failed clone in health and log, serves meanwhile, and retries", async () => {
    await waitForText(
      "git's words",
      () => line(NAMES.flaky),
      /^serving; workspace: clone failed \(attempt \d+\): .*503.*; next try in \d+ s/,
    );
    expect(await logsOf(platform.container(NAMES.flaky))).toMatch(/clone failed \(attempt 1\): .*503/);
    expect((await health(platform.container(NAMES.flaky))).status).toBe("healthy");
    await callAt({ port, path: `/p/${NAMES.flaky}` }, projectApi.health);
    expect(existsSync(join(platform.workspace(NAMES.flaky), "one.txt"))).toBe(false);
    flaky.heal();
    await waitForText("a clone", () => line(NAMES.flaky), "serving; workspace: cloned", { within: 400_000 });
    await waitFor("the clone's files in opencode", async () => {
      const content = await callAt({ port, path: `/p/${NAMES.flaky}` }, projectApi.readFile("one.txt")).catch(
        String,
      );
      return content.startsWith("1") ? { done: true } : { seen: content };
    });
  });

  it("clones a private repository with the token, without the token in any URL", async () => {
    await waitForText("a clone", () => line(NAMES.token), "serving; workspace: cloned");
    expect(readFileSync(join(platform.workspace(NAMES.token), "secret-plan.md"), "utf8")).toBe("private");
    const config = readFileSync(join(platform.workspace(NAMES.token), ".git", "config"), "utf8");
    expect(config).toContain(`http://${host}:${git.port}/private.git`);
    expect(config).not.toContain(TOKEN);
    expect(git.requests.some(({ authorization }) => authorization?.startsWith("Basic "))).toBe(true);
    expect(git.requests.map(({ path }) => path).join(" ")).not.toContain(TOKEN);
  });

  it("fetches a submodule that wants a key with the token, and large files as soon as the server has them", async () => {
    await waitForText(
      "what is missing",
      () => line(NAMES.parts),
      /cloned \S+; large files \(LFS\) missing in: \. \(.*not found/,
    );
    const file = (...path: string[]) => readFileSync(join(platform.workspace(NAMES.parts), ...path), "utf8");
    expect(file("vendor/lib/lib.txt")).toBe("lib");
    expect(file("big.bin")).toBe(pointerTo(LARGE));
    git.addLarge(LARGE);
    await waitForText("all of it", () => line(NAMES.parts), /^serving; workspace: cloned \S+$/, {
      within: 400_000,
    });
    expect(file("big.bin")).toBe(LARGE);
    expect(git.requests.map(({ path }) => path).join(" ")).not.toContain(TOKEN);
  });

  it("commits as the project, or as the entry says, from the first one on", async () => {
    const commit = (name: string) =>
      shellIn(
        platform.container(name),
        "cd /workspace && git commit --quiet --allow-empty --message first && git log -1 --format='%an <%ae>'",
      );
    expect((await commit(NAMES.parts)).stdout.trim()).toBe("Shop agent <shop@example.com>");
    expect((await commit(NAMES.token)).stdout.trim()).toBe(
      `${NAMES.token} (opencode) <${NAMES.token}@opencode.localhost>`,
    );
  });

  it("logs the forge's own program in, in opencode's environment alone", async () => {
    const { stdout } = await shellIn(
      platform.container(NAMES.parts),
      "tr '\\0' '\\n' < /proc/$(pgrep -xo opencode)/environ | grep ^GITLAB_",
    );
    expect(stdout.trim().split("\n").sort()).toEqual([
      `GITLAB_HOST=http://${host.toLowerCase()}:${git.port}`,
      `GITLAB_TOKEN=${TOKEN}`,
    ]);
  });

  it("still reaches the private repository from a shell in the project", async () => {
    const { code, stdout } = await shellIn(
      platform.container(NAMES.token),
      // Inherited by opencode's terminals.
      `export $(tr '\\0' '\\n' < /proc/$(pgrep -xo opencode)/environ | grep -E '^(GIT_|OPENCODE_PLATFORM_)'); git -C /workspace ls-remote origin`,
    );
    expect(code).toBe(0);
    expect(stdout).toContain("refs/heads/main");
  });

  it("clones the entry's branch and depth", async () => {
    await waitForText("a clone", () => line(NAMES.shallow), "serving; workspace: cloned");
    const { stdout } = await shellIn(
      platform.container(NAMES.shallow),
      "cd /workspace && git branch --show-current && git log --oneline",
    );
    expect(stdout.trim().split("\n")).toEqual(["feature", expect.stringContaining("Commit 4")]);
    expect(readFileSync(join(platform.workspace(NAMES.shallow), "feature.txt"), "utf8")).toBe("f2");
  });

  it("gives the files to opencode's user", async () => {
    const { stdout } = await shellIn(
      platform.container(NAMES.shallow),
      "id -u; touch /workspace/feature.txt && echo writable",
    );
    expect(stdout).toContain("writable");
    expect(statSync(join(platform.workspace(NAMES.shallow), "feature.txt")).uid).toBe(
      Number.parseInt(stdout, 10),
    );
  });

  it("never touches a workspace with files", async () => {
    await waitForText("the decision", () => line(NAMES.kept), "kept, it has files");
    expect(readdirSync(platform.workspace(NAMES.kept))).toEqual(["mine.txt"]);
    expect(readFileSync(join(platform.workspace(NAMES.kept), "mine.txt"), "utf8")).toBe("not yours");
  });

  it("clones a local repository, of which the project sees commits alone, and new ones after an update", async () => {
    await waitForText("a clone", () => line(NAMES.local), "serving; workspace: cloned");
    const look = "cat /mnt/repo/.env; ls -A /mnt/repo /workspace; find / -xdev -name .env 2>/dev/null";
    const { stdout } = await shellIn(platform.container(NAMES.local), look);
    expect(stdout).toMatch(/^HEAD$/m);
    expect(stdout).not.toMatch(/untracked|\.env/);
    await inLocal("commit", "--quiet", "--allow-empty", "-m", "second");
    const { changes } = await platform.update();
    expect(changes.map(({ op, urn }) => [op, urn.split("::").at(-1)])).toEqual([
      ["update", `${NAMES.local}-repo`],
    ]);
    const fetched = await shellIn(
      platform.container(NAMES.local),
      "cd /workspace && git fetch --quiet && git log --format=%s origin/main",
    );
    expect(fetched.stdout.trim().split("\n")).toEqual(["second", "first"]);
  });

  it("refuses a host whose key differs from knownHosts", async () => {
    expect(await waitForText("a refusal", () => line(NAMES.otherHost), "clone failed")).toMatch(
      /[Hh]ost key/,
    );
  });

  it("changes nothing in a second update", async () => {
    expect((await platform.update()).changes).toEqual([]);
  });
});

const LARGE = "the content of a large file";

const AUTHOR = ["-c", "user.name=e2e", "-c", "user.email=e2e@example.com"];

/** The key of another host. */
const OTHER_HOST_KEY = "AAAAC3NzaC1lZDI1NTE5AAAAIJ7mXyBqxkGdgmJ8Rk2VyBL7iCkTkq8Qx7tJm1s0p3fB";

/** Puts a file into a project's workspace before the project exists. */
function putFile(project: string, name: string, content: string): void {
  const folder = platform.workspace(project);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, name), content);
  chmodSync(folder, 0o755);
  if (process.getuid?.() === 0) for (const path of [folder, join(folder, name)]) chownSync(path, 1000, 1000);
}
