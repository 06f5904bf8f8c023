/**
 * The project's own copy of a repository on this machine: what its container clones from and fetches. It holds what branches and tags reach,
 * and nothing else that is in the person's folder: no untracked file, no stash, no remote's password in git's configuration.
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { shellQuote } from "../../config/text/shell.ts";

const REFS = ["refs/heads/*", "refs/tags/*"];

/** Git takes a folder of another user's only where it is named. */
const trusting = (...folders: readonly string[]): string[] =>
  folders.flatMap((folder) => ["-c", `safe.directory=${folder}`]);

/** What the branches, tags and HEAD of a repository are at, as one word; the same word for anything that is no repository. */
export function refsDigest(repo: string): string {
  const args = [...trusting(repo, `${repo}/.git`), "ls-remote", "--symref", "--", repo, "HEAD", ...REFS];
  const { status, stdout } = spawnSync("git", args, { encoding: "utf8", maxBuffer: 2 ** 28 });
  return status === 0 ? createHash("sha256").update(stdout).digest("hex").slice(0, 16) : "none";
}

export interface LocalRepoArgs {
  /** Absolute path of the repository: a checkout, a linked worktree or a bare one. */
  readonly repo: string;
  /** Absolute path of the copy. */
  readonly copy: string;
  /** What `refsDigest` says of the repository: with another word, the script is another one and runs again. */
  readonly refs: string;
  /** Whom the copy is for, where the script runs as root. */
  readonly user: { readonly uid: number; readonly gid: number };
}

/**
 * The shell script that brings the copy up to date, and the one that removes it. In place, since a container has it mounted. From a folder that
 * is no repository nothing is copied, and the container's clone says so.
 */
export function localRepoScript({ repo, copy, refs, user }: LocalRepoArgs): {
  create: string;
  delete: string;
} {
  const git = ["git", "-c gc.autoDetach=false", ...trusting(repo, `${repo}/.git`, copy).map(shellQuote)].join(
    " ",
  );
  const refspecs = [...REFS, "HEAD"].map((ref) =>
    shellQuote(`+${ref}:${ref === "HEAD" ? "refs/opencode-platform/HEAD" : ref}`),
  );
  const lines = [
    `# ${refs}`,
    "set -eu",
    "umask 077",
    // A hook's own repository, if an update is run in one.
    "unset GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE",
    `repo=${shellQuote(repo)} copy=${shellQuote(copy)}`,
    `git() { command ${git} "$@"; }`,
    `mkdir -p "$copy"`,
    `if git ls-remote -- "$repo" >/dev/null; then`,
    `  git init --quiet --bare "$copy"`,
    // Not `clone`, which would copy or link every object there is on this machine, also what no branch reaches.
    `  git --git-dir "$copy" fetch --quiet --prune --no-tags --update-shallow -- "$repo" ${refspecs.slice(0, -1).join(" ")}`,
    `  if head=$(git -C "$repo" symbolic-ref --quiet HEAD); then git --git-dir "$copy" symbolic-ref HEAD "$head"`,
    `  else`,
    `    git --git-dir "$copy" fetch --quiet --no-tags --update-shallow -- "$repo" ${refspecs.at(-1)}`,
    `    git --git-dir "$copy" update-ref --no-deref HEAD refs/opencode-platform/HEAD`,
    `  fi`,
    `fi`,
    `[ "$(id -u)" != 0 ] || chown -R ${user.uid}:${user.gid} "$copy"`,
  ];
  return { create: lines.join("\n"), delete: `rm -rf ${shellQuote(copy)}` };
}
