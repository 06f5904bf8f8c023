/** The copy of a local repository, made by the real git from real ones, and cloned as a container does it. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { localRepoScript, refsDigest } from "../../components/project/local-repo.ts";
import { removeFolder, temporaryFolder } from "../support/temporary.ts";

let folder = "";
const at = (...path: string[]) => join(folder, ...path);
const user = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
const env = {
  PATH: process.env.PATH ?? "",
  HOME: "/nonexistent",
  GIT_CONFIG_NOSYSTEM: "1",
  GIT_AUTHOR_NAME: "a",
  GIT_AUTHOR_EMAIL: "a@example.com",
  GIT_COMMITTER_NAME: "a",
  GIT_COMMITTER_EMAIL: "a@example.com",
};

function run(command: string, ...args: string[]): string {
  const { status, stdout, stderr } = spawnSync(command, args, { encoding: "utf8", env });
  if (status !== 0) throw new Error(`${[command, ...args].join(" ")}: ${stderr}`);
  return stdout.trim();
}
const git = (repo: string, ...args: string[]) => run("git", "-C", repo, ...args);

/** A repository with a commit on main, and with what is nobody else's business. */
function makeRepo(name: string): string {
  const repo = at(name);
  run("git", "init", "--quiet", "--initial-branch", "main", repo);
  commit(repo, "one.txt");
  return repo;
}

function commit(repo: string, file: string): void {
  writeFileSync(join(repo, file), file);
  git(repo, "add", file);
  git(repo, "commit", "--quiet", "-m", file);
}

const copy = () => at("workspaces/.repos/it's.git");
function update(repo: string): void {
  run("sh", "-c", localRepoScript({ repo, copy: copy(), refs: refsDigest(repo), user }).create);
}
const clone = (...options: string[]) => {
  run("rm", "-rf", at("clone"));
  run("git", "clone", "--quiet", ...options, "--", `file://${copy()}`, at("clone"));
  return at("clone");
};

beforeEach(() => {
  folder = temporaryFolder();
});
afterEach(() => removeFolder(folder));

describe("the copy of a local repository", () => {
  it("holds what branches and tags reach, and nothing else of the folder", () => {
    const repo = makeRepo("it's a repo");
    writeFileSync(join(repo, ".env"), "TOKEN=untracked-secret");
    git(repo, "remote", "add", "origin", "https://user:remote-secret@git.example/x.git");
    git(repo, "branch", "feature");
    git(repo, "tag", "-a", "-m", "v1", "v1");
    writeFileSync(join(repo, "one.txt"), "stashed-secret");
    git(repo, "stash");
    const stash = git(repo, "rev-parse", "refs/stash");
    update(repo);
    expect(run("sh", "-c", `grep -rl secret "$1" || true`, "sh", copy())).toBe("");
    expect(() => git(copy(), "cat-file", "-e", stash)).toThrow();
    expect(existsSync(join(copy(), ".env"))).toBe(false);
    const cloned = clone();
    expect(git(cloned, "branch", "--remotes", "--format", "%(refname:short)").split("\n")).toContain(
      "origin/feature",
    );
    expect(git(cloned, "tag")).toBe("v1");
    expect(readFileSync(join(cloned, "one.txt"), "utf8")).toBe("one.txt");
    expect(statSync(copy()).mode & 0o77).toBe(0);
  });

  it("has what is new after another update, which a clone fetches", () => {
    const repo = makeRepo("repo");
    git(repo, "branch", "old");
    update(repo);
    const cloned = clone();
    const before = refsDigest(repo);
    expect(refsDigest(repo)).toBe(before);
    commit(repo, "two.txt");
    git(repo, "branch", "-D", "old");
    git(repo, "checkout", "--quiet", "-b", "next");
    expect(refsDigest(repo)).not.toBe(before);
    update(repo);
    git(cloned, "fetch", "--quiet", "--prune");
    expect(git(cloned, "show", "origin/main:two.txt")).toBe("two.txt");
    expect(git(cloned, "branch", "--remotes")).not.toContain("old");
    expect(git(clone(), "branch", "--show-current")).toBe("next");
  });

  it("is of a linked worktree's branch, of a detached head, of a bare and of a shallow repository", () => {
    const repo = makeRepo("repo");
    git(repo, "worktree", "add", "--quiet", "-b", "linked", at("worktree"));
    commit(at("worktree"), "linked.txt");
    update(at("worktree"));
    expect(git(clone(), "branch", "--show-current")).toBe("linked");
    git(repo, "checkout", "--quiet", "--detach", "linked");
    commit(repo, "detached.txt");
    update(repo);
    expect(readFileSync(join(clone(), "detached.txt"), "utf8")).toBe("detached.txt");
    run("git", "clone", "--quiet", "--bare", repo, at("bare"));
    update(at("bare"));
    expect(git(clone("--branch", "linked", "--depth", "1"), "log", "--oneline").split("\n")).toHaveLength(1);
    run("git", "clone", "--quiet", "--depth", "1", "--branch", "linked", `file://${repo}`, at("shallow"));
    removeFolder(copy());
    update(at("shallow"));
    expect(git(clone(), "log", "--oneline").split("\n")).toHaveLength(1);
  });

  it("is left without a repository where there is none, which the clone reports, until there is one", () => {
    mkdirSync(at("plain"));
    writeFileSync(at("plain/.env"), "TOKEN=untracked-secret");
    expect(refsDigest(at("plain"))).toBe("none");
    update(at("plain"));
    expect(() => clone()).toThrow(/does not appear to be a git repository|not a git repository/);
    run("git", "init", "--quiet", at("plain"));
    expect(refsDigest(at("plain"))).not.toBe("none");
    update(at("plain"));
    clone();
  });

  it("is removed with the project", () => {
    const repo = makeRepo("repo");
    update(repo);
    run("sh", "-c", localRepoScript({ repo, copy: copy(), refs: "", user }).delete);
    expect(existsSync(copy())).toBe(false);
    expect(existsSync(repo)).toBe(true);
  });
});
