/** The image's script `workspace` as it is, with real git against real servers: what is cloned, what is said, and what is tried again. */
import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import {
  type GitServer,
  makeRepositories,
  pointerTo,
  type Repositories,
  startGit,
} from "../../lab/forges/git.ts";
import { gitConfig } from "../../opencode/git-config.ts";
import { ImageScripts } from "../support/opencode/image-scripts.ts";
import { removeFolder, temporaryFolder } from "../support/temporary.ts";
import { waitForText } from "../support/wait.ts";

const TOKEN = "the-token-5f1e";
/** Commits of the repository whose clone is interrupted, and bytes that each adds, which no compression makes less. */
const COMMITS = 40;
const BYTES = 20_000;

let served = "";
let repositories: Repositories;
let git: GitServer;
let other: GitServer;
let scripts: ImageScripts;

beforeAll(async () => {
  served = temporaryFolder();
  repositories = makeRepositories(served);
  repositories.add("lib", [{ files: { "lib.txt": "lib" } }]);
  repositories.add("deep", [
    {
      files: { "deep.txt": "deep" },
      submodules: { "with space": { url: "../lib.git", commit: repositories.head("lib") } },
    },
  ]);
  git = await startGit(repositories, {
    tokens: { app: TOKEN, lib: TOKEN, deep: TOKEN, large: TOKEN, late: TOKEN },
  });
  other = await startGit(repositories, { tokens: { lib: "of another host" } });
  const lib = (url: string) => ({ url, commit: repositories.head("lib") });
  repositories.add("app", [
    {
      files: { "app.txt": "app" },
      submodules: {
        relative: lib("../lib.git"),
        "vendor/ssh": lib("git@127.0.0.1:lib.git"),
        "vendor/ssh-url": lib("ssh://git@127.0.0.1/lib.git"),
        deep: { url: "../deep.git", commit: repositories.head("deep") },
      },
    },
  ]);
  repositories.add("late", [
    {
      files: { "late.txt": "late" },
      submodules: { here: lib("../lib.git"), "not yet": lib(`http://127.0.0.1:${other.port}/lib.git`) },
    },
  ]);
  const large = {
    "big.bin": pointerTo("large content"),
    ".gitattributes": "*.bin filter=lfs diff=lfs merge=lfs -text\n",
  };
  repositories.add("large", [{ files: large }]);
  repositories.add("history", [
    ...Array.from({ length: COMMITS }, (_, index) => ({
      files: { "data.bin": randomBytes(BYTES), "n.txt": `${index + 1}` },
    })),
    { branch: "side", files: { "side.txt": "side" } },
  ]);
  execFileSync("git", ["-C", join(served, "history.git"), "tag", "v1", "main~3"]);
});
afterAll(async () => {
  await Promise.all([git?.close(), other?.close()]);
  removeFolder(served);
});

beforeEach(() => {
  scripts = new ImageScripts();
  scripts.secret("GIT_TOKEN", TOKEN);
});
afterEach(() => {
  git.heal();
  git.interruptAfter(undefined);
  scripts.remove();
});

const address = (name: string) => `http://127.0.0.1:${git.port}/${name}.git`;
const inWorkspace = (...args: string[]) =>
  execFileSync("git", ["-C", scripts.workspace(), ...args], {
    encoding: "utf8",
    env: scripts.environment(),
  }).trim();

/** The environment of a project's container, and the configuration that the platform uploads. */
function project(name: string, more: Readonly<Record<string, string>> = {}): Record<string, string> {
  const url = address(name);
  const repo = { kind: "http", url, host: "127.0.0.1" } as const;
  const token = { auth: "token", secret: "GIT_TOKEN", username: "x-access-token", sign: false } as const;
  const config = gitConfig({ project: "shop", domain: "example.com", git: token, repo });
  writeFileSync(scripts.path("run/gitconfig"), config);
  return {
    OPENCODE_PLATFORM_REPO: url,
    OPENCODE_PLATFORM_GIT_HOST: `127.0.0.1:${git.port}`,
    OPENCODE_PLATFORM_GIT_SECRET: "GIT_TOKEN",
    GIT_ASKPASS: scripts.path("lib/askpass"),
    ...more,
  };
}

describe("submodules", () => {
  it("of the same host come with the token, also those that are written with git@, and those of submodules", async () => {
    await scripts.start(project("app")).ended;
    expect(scripts.line).toBe(`cloned ${address("app")}`);
    for (const path of ["relative", "vendor/ssh", "vendor/ssh-url", "deep/with space"])
      expect(scripts.read("workspace", path, "lib.txt")).toBe("lib");
    expect(inWorkspace("status", "--short")).toBe("");
    expect(inWorkspace("config", "--list")).not.toContain(TOKEN);
  });

  it("that can't be had are named, and fetched once they can, without a look at those that are there", async () => {
    const { ended } = scripts.start(project("late"));
    await waitForText(
      "what is missing",
      () => scripts.line,
      /^cloned \S+; submodules missing: not yet \(.*\); next try in \d+ s$/,
    );
    expect(existsSync(scripts.path("status/settled"))).toBe(true);
    expect(scripts.read("workspace/here/lib.txt")).toBe("lib");
    writeFileSync(scripts.workspace("here/lib.txt"), "mine");
    // Nobody's token is sent to another host.
    expect(other.requests.filter(({ authorization }) => authorization !== undefined)).toEqual([]);
    inWorkspace("config", "submodule.not yet.url", address("lib"));
    await ended;
    expect(scripts.line).toBe(`cloned ${address("late")}`);
    expect(scripts.read("workspace/not yet/lib.txt")).toBe("lib");
    expect(scripts.read("workspace/here/lib.txt")).toBe("mine");
  });

  it("are looked for again by the next container, also one that was half checked out", async () => {
    const first = scripts.start(project("late"));
    await waitForText("what is missing", () => scripts.line, "submodules missing: not yet");
    await first.kill();
    inWorkspace("config", "submodule.not yet.url", address("lib"));
    // As a git that was killed leaves it: while it fetched one, or wrote its files.
    const folder = scripts.workspace(".git/modules/not yet");
    rmSync(folder, { recursive: true, force: true });
    execFileSync("git", ["init", "--quiet", "--bare", folder]);
    writeFileSync(scripts.workspace("not yet/.git"), "gitdir: ../.git/modules/not yet\n");
    writeFileSync(scripts.workspace(".git/opencode-submodule"), "not yet");
    scripts.restart();
    await scripts.start(project("late")).ended;
    expect(scripts.line).toBe(`cloned ${address("late")}`);
    rmSync(scripts.workspace("here/lib.txt"));
    writeFileSync(scripts.workspace(".git/modules/here/index.lock"), "");
    writeFileSync(scripts.workspace(".git/opencode-submodule"), "here");
    writeFileSync(scripts.workspace(".git/opencode-incomplete"), "");
    scripts.restart();
    await scripts.start(project("late")).ended;
    expect(scripts.line).toBe(`cloned ${address("late")}`);
    for (const path of ["here", "not yet"]) expect(scripts.read("workspace", path, "lib.txt")).toBe("lib");
    expect(readdirSync(scripts.workspace(".git")).filter((name) => name.startsWith("opencode"))).toEqual([]);
  });

  it("that nobody asked for stay away: a commit without a line in .gitmodules, and one that is switched off", async () => {
    const { ended } = scripts.start(project("late", { OPENCODE_PLATFORM_REPO: address("lib") }));
    await ended;
    inWorkspace("update-index", "--add", "--cacheinfo", `160000,${repositories.head("deep")},stray`);
    writeFileSync(
      scripts.workspace(".gitmodules"),
      '[submodule "off"]\n\tpath = off\n\turl = ../deep.git\n\tupdate = none\n',
    );
    inWorkspace("update-index", "--add", "--cacheinfo", `160000,${repositories.head("deep")},off`);
    writeFileSync(scripts.workspace(".git/opencode-incomplete"), "");
    await scripts.start(project("lib")).ended;
    expect(scripts.line).toBe(`cloned ${address("lib")}`);
  });
});

describe("large files", () => {
  /** git-lfs as far as the script uses it: `pull` replaces the pointers once the server has given the file. */
  const LFS = `[ "$1" = pull ] || exit 0
[ "\${GIT_LFS_SKIP_SMUDGE:-}" = 1 ] || exit 3
if [ ! -e "$HOME/served" ]; then
  echo 'batch response: Repository or object not found: http://git.example/info/lfs/objects/batch' >&2
  echo "error: failed to fetch some objects from 'http://git.example/info/lfs'" >&2
  exit 2
fi
printf 'large content' >big.bin`;

  it("that can't be had are said, with git-lfs's words, and fetched once they can", async () => {
    scripts.program("git-lfs", LFS);
    const { ended } = scripts.start(project("large"));
    await waitForText(
      "what is missing",
      () => scripts.line,
      /^cloned \S+; large files \(LFS\) missing in: \. \(batch response: .*not found.*error: failed to fetch.*\); next try in \d+ s$/,
    );
    expect(scripts.read("workspace/big.bin")).toBe(pointerTo("large content"));
    writeFileSync(scripts.path("home/served"), "");
    await ended;
    expect(scripts.line).toBe(`cloned ${address("large")}`);
    expect(scripts.read("workspace/big.bin")).toBe("large content");
  });

  it("stay pointers in an image without git-lfs, and that is said once", async () => {
    // A PATH with git and the script's programs alone.
    for (const name of [
      "git",
      "bash",
      "cat",
      "mv",
      "rm",
      "mkdir",
      "touch",
      "find",
      "grep",
      "sed",
      "tr",
      "cut",
      "head",
      "tail",
      "id",
      "basename",
    ]) {
      const real = execFileSync("bash", ["-c", `command -v ${name}`], { encoding: "utf8" }).trim();
      scripts.program(name, `exec ${real} "$@"`);
    }
    await scripts.start({ ...project("large"), TEST_PATH: scripts.path("bin") }).ended;
    expect(scripts.line).toBe(
      `cloned ${address("large")}; its large files are pointers, since the image has no git-lfs`,
    );
  });
});

describe("a clone that is interrupted", () => {
  /** What `git clone` has beside its objects. */
  const shape = () => ({
    head: inWorkspace("symbolic-ref", "-q", "HEAD"),
    at: inWorkspace("rev-parse", "HEAD"),
    commits: inWorkspace("rev-list", "--count", "--all"),
    refs: inWorkspace("for-each-ref", "--format", "%(refname) %(objectname) %(symref)"),
    upstream: inWorkspace("rev-parse", "--abbrev-ref", "@{upstream}"),
    status: inWorkspace("status", "--short", "--branch"),
    fetch: inWorkspace("config", "--get-all", "remote.origin.fetch"),
  });

  async function plain(env: Readonly<Record<string, string>>) {
    await scripts.start(env).ended;
    const found = shape();
    scripts.clear();
    return found;
  }

  it.each([
    ["all of it", {}],
    ["a branch", { OPENCODE_PLATFORM_BRANCH: "side" }],
    ["as many commits as are asked for", { OPENCODE_PLATFORM_DEPTH: "30" }],
  ])("goes on in steps over restarts and ends as a plain one does: %s", async (_, more) => {
    const env = project("history", more);
    const wanted = await plain(env);
    git.interruptAfter(BYTES * 12);
    const { kill } = scripts.start(env);
    await waitForText(
      "the first steps",
      () => scripts.line,
      /^clone failed .*; the newest commits are kept, \d+ of them.*; next try in \d+ s$/,
    );
    await kill();
    const before = kept();
    expect(before).toBeGreaterThan(1);
    // A git that was killed leaves its locks and what it was receiving.
    for (const name of ["shallow.lock", "objects/pack/tmp_pack_x"])
      writeFileSync(scripts.workspace(".opencode-clone/.git", name), "");
    scripts.restart();
    const answers = git.requests.length;
    const { ended } = scripts.start(env);
    const log = await ended;
    expect(Number(/its newest (\d+) commits/.exec(log)?.[1] ?? COMMITS)).toBeGreaterThan(before);
    expect(git.requests.length).toBeGreaterThan(answers);
    expect(scripts.line).toBe(`cloned ${address("history")}`);
    expect(shape()).toEqual(wanted);
    expect(existsSync(scripts.workspace(".opencode-clone"))).toBe(false);
  });

  it("begins anew with the branch or repository that the entry has been given meanwhile", async () => {
    git.interruptAfter(BYTES * 12);
    for (const branch of ["main", "side"]) {
      const { kill } = scripts.start(project("history", { OPENCODE_PLATFORM_BRANCH: branch }));
      await waitForText("some steps", () => scripts.line, "the newest commits are kept");
      await kill();
      scripts.restart();
    }
    await scripts.start(project("lib")).ended;
    expect(scripts.line).toBe(`cloned ${address("lib")}`);
    expect(inWorkspace("rev-parse", "HEAD")).toBe(repositories.head("lib"));
    expect(inWorkspace("branch", "--remotes", "--format", "%(refname)")).not.toContain("side");
  });

  it("of a tag ends at that commit", async () => {
    const env = project("history", { OPENCODE_PLATFORM_BRANCH: "v1" });
    git.interruptAfter(BYTES * 12);
    await scripts.start(env).ended;
    expect(inWorkspace("log", "-1", "--format=%s")).toBe(`Commit ${COMMITS - 3}`);
    expect(inWorkspace("rev-parse", "--abbrev-ref", "HEAD")).toBe("HEAD");
    expect(scripts.read("workspace/n.txt")).toBe(`${COMMITS - 3}`);
  });

  it("proposes a depth where one commit more is too much", async () => {
    git.interruptAfter(BYTES * 3);
    const { kill } = scripts.start(project("history"));
    // The first steps fit, until the newest and one more of them together do not.
    await waitForText("some steps", () => scripts.line, "the newest commits are kept");
    git.interruptAfter(BYTES / 2);
    await waitForText(
      "a proposal",
      () => scripts.line,
      /^clone failed .*early EOF.*; the newest commits are kept, (\d+) of them; without the others: depth: \1; next try/,
    );
    const { 1: depth = "" } = /depth: (\d+)/.exec(scripts.line) ?? [];
    await kill();
    scripts.restart();
    await scripts.start(project("history", { OPENCODE_PLATFORM_DEPTH: depth })).ended;
    expect(scripts.line).toBe(`cloned ${address("history")}`);
    expect(inWorkspace("rev-list", "--count", "HEAD")).toBe(depth);
  });

  it("says it if the newest commit alone does not come through", async () => {
    git.interruptAfter(BYTES / 2);
    const { kill } = scripts.start(project("history"));
    await waitForText(
      "the reason",
      () => scripts.line,
      "its newest commit alone is too much for this connection",
    );
    await kill();
  });

  it("is not what a refused one is: that starts anew", async () => {
    git.fail();
    const { ended } = scripts.start(project("history"));
    await waitForText(
      "a failure",
      () => scripts.line,
      /^clone failed \(attempt \d+\): [^;]*503[^;]*; next try/,
    );
    git.heal();
    expect(await ended).not.toContain("in steps");
    expect(scripts.line).toBe(`cloned ${address("history")}`);
  });

  /** How many commits are kept. */
  const kept = () =>
    Number(readFileSync(scripts.workspace(".opencode-clone/.git/opencode-steps"), "utf8").split(" ")[0]);
});

describe("several repositories", () => {
  const several = (
    ...repos: readonly (readonly [path: string, name: string, depth?: string, branch?: string])[]
  ) =>
    project("lib", {
      OPENCODE_PLATFORM_REPOS: repos
        .map(([path, name, depth = "-", branch = "-"]) => `${path} ${address(name)} ${depth} ${branch}`)
        .join(" "),
    });
  const done = (name: string) => existsSync(scripts.path("status", name));

  it("are cloned beside each other with all that each has, and the line counts them", async () => {
    await scripts.start(several(["api", "app"], ["libs/one", "deep"], ["hist", "history", "1", "side"]))
      .ended;
    expect(scripts.line).toBe("cloned 3 of 3");
    expect([done("settled"), done("filled")]).toEqual([true, true]);
    expect(scripts.read("workspace", "api", "relative", "lib.txt")).toBe("lib");
    expect(scripts.read("workspace", "libs/one", "with space", "lib.txt")).toBe("lib");
    expect(inWorkspace("-C", "hist", "rev-list", "--count", "HEAD")).toBe("1");
    expect(scripts.read("workspace", "hist", "side.txt")).toBe("side");
    expect(readdirSync(scripts.workspace()).sort()).toEqual(["api", "hist", "libs"]);
  });

  it("wait for none that fails, which is said, tried again, and holds setup back", async () => {
    const { ended } = scripts.start(several(["a", "deep"], ["web", "gone"], ["b", "lib"]));
    const line = await waitForText(
      "the line",
      () => scripts.line,
      /^cloned 2 of 3; web: clone failed \(attempt [2-9]/,
    );
    expect(line).toMatch(/^cloned 2 of 3; web: clone failed \(attempt \d+\): .+; next try in \d+ s$/);
    // A moment after its line.
    await expect.poll(() => done("settled")).toBe(true);
    expect(done("filled")).toBe(false);
    expect(scripts.read("workspace", "b", "lib.txt")).toBe("lib");
    repositories.add("gone", [{ files: { "here.txt": "now" } }]);
    const log = await ended;
    execFileSync("rm", ["-rf", join(served, "gone.git")]);
    expect(scripts.line).toBe("cloned 3 of 3");
    expect(log).toMatch(/^\[workspace\] web: clone failed \(attempt 1\)/m);
    expect(done("filled")).toBe(true);
  });

  it("stay away from opencode when they come after it was started without them", async () => {
    const { ended } = scripts.start(several(["a", "lib"], ["web", "held"]));
    await waitForText("the line", () => scripts.line, /web: clone failed/);
    writeFileSync(scripts.path("status", "repos/web/held"), "");
    repositories.add("held", [{ files: { "here.txt": "now" } }]);
    await ended;
    execFileSync("rm", ["-rf", join(served, "held.git")]);
    expect(scripts.line).toMatch(/^cloned 1 of 2; web: not in its folder yet, .*: restart the project/);
    expect(readdirSync(scripts.workspace("web"))).toEqual([]);
    expect(done("filled")).toBe(true);
  });

  it("say what of each is missing", async () => {
    const { kill } = scripts.start(several(["a", "lib"], ["b", "late"]));
    await waitForText(
      "the line",
      () => scripts.line,
      /^cloned 2 of 2; b: submodules missing: not yet \(.*\); next try in \d+ s$/,
    );
    await kill();
  });

  it("go on after a killed container, and leave what has files", async () => {
    const start = () => scripts.start(several(["a", "history"], ["mine", "lib"]));
    mkdirSync(scripts.workspace("mine"));
    writeFileSync(scripts.workspace("mine", "file"), "mine");
    git.interruptAfter(BYTES * 8);
    const { kill } = start();
    await waitForText("some of it", () => scripts.line, /^cloned 1 of 2; a: clone failed .* are kept/);
    await kill();
    git.interruptAfter(undefined);
    scripts.restart();
    await start().ended;
    expect(scripts.line).toBe("cloned 2 of 2");
    expect(inWorkspace("-C", "a", "rev-list", "--count", "main")).toBe(String(COMMITS));
    expect(readdirSync(scripts.workspace("mine"))).toEqual(["file"]);
  });

  it("that can't be written or are another's are said by their folder", async () => {
    writeFileSync(scripts.workspace("file"), "in the way");
    await scripts.start(several(["a", "lib"], ["file", "lib"])).ended;
    expect(scripts.line).toMatch(/^cloned 1 of 2; file: .+/);
  });
});

describe("a workspace", () => {
  it("that is somebody else's is said in a sentence, with what to do", async () => {
    mkdirSync(scripts.workspace(".git"));
    execFileSync("git", ["init", "--quiet", scripts.workspace()]);
    await scripts.start(project("lib", { GIT_TEST_ASSUME_DIFFERENT_OWNER: "1" })).ended;
    expect(scripts.line).toMatch(
      /^git refuses it, since it belongs to user \w+: on the host, chown -hR the workspace to user \d+$/,
    );
  });

  it("with files is left alone", async () => {
    writeFileSync(scripts.workspace("mine.txt"), "mine");
    await scripts.start(project("lib")).ended;
    expect(scripts.line).toBe("kept, it has files");
    expect(readdirSync(scripts.workspace())).toEqual(["mine.txt"]);
  });

  it("without a repository is an empty one", async () => {
    await scripts.start({}).ended;
    expect(scripts.line).toBe("empty git repository");
    expect(inWorkspace("rev-parse", "--is-inside-work-tree")).toBe("true");
  });
});
