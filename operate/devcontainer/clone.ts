/** The newest commit of an entry's repository on this machine, to read its devcontainer.json and build of it. Nothing of it is run. */
import { mkdirSync, readlinkSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, relative, resolve, sep } from "node:path";
import { pathToFileURL } from "node:url";
import { fail } from "../../config/errors.ts";
import type { Project, Repo } from "../../config/projects/project.ts";
import { cloneUrl } from "../../config/projects/repo.ts";
import { type ExecResult, exec, lastLines } from "../../toolchain/lib/exec.ts";

/** Milliseconds for one commit. */
const TIMEOUT_MS = 600_000;

/** Answers git's two questions about the entry's own host, and none about another. What it says comes by git's environment, and is in no file. */
const ASKPASS = `#!/bin/sh
[ "$1" != "$OPENCODE_PLATFORM_ASKED_NAME" ] || exec printenv OPENCODE_PLATFORM_NAME
[ "$1" != "$OPENCODE_PLATFORM_ASKED_TOKEN" ] || exec printenv OPENCODE_PLATFORM_TOKEN
exit 1
`;

export interface Clone {
  readonly folder: string;
  readonly commit: string;
  /** Links that lead out of the repository, and were removed. */
  readonly removed: readonly string[];
  /** The id of a folder's tree or a file's content; undefined for what the commit does not have. */
  idOf(path: string): Promise<string | undefined>;
}

/**
 * Clones one commit, without submodules and large files.
 * @param token for its host, where the entry has one
 * @param commit which one. Default: the newest of its branch
 * @throws UserError with git's words
 */
export async function cloneCommit(
  project: Pick<Project, "name" | "git"> & { readonly repo: Repo },
  folder: string,
  { token, commit }: { readonly token?: string | undefined; readonly commit?: string | undefined },
): Promise<Clone> {
  const { repo } = project;
  const url = repo.kind === "local" ? pathToFileURL(repo.url).href : cloneUrl(repo);
  mkdirSync(folder, { recursive: true });
  const env = gitEnv(project, url, token, dirname(folder));
  const git = (args: readonly string[]) => exec("git", args, { cwd: folder, env, timeoutMs: TIMEOUT_MS });
  const must = async (args: readonly string[]) => {
    const result = await git(args);
    if (result.code === 0) return result.stdout.trim();
    return fail("environment", project.name, `its repository can't be had: ${wordsOf(result, token)}`);
  };
  await must(["init", "--quiet"]);
  await must([
    // The person's own helpers would be asked first.
    ...(token === undefined ? [] : ["-c", "credential.helper="]),
    ...["fetch", "--quiet", "--depth", "1", "--no-tags", "--no-recurse-submodules", "--", url],
    commit ?? repo.branch ?? "HEAD",
  ]);
  await must(["-c", "core.hooksPath=/dev/null", "checkout", "--quiet", "--detach", "FETCH_HEAD"]);
  return {
    folder,
    commit: await must(["rev-parse", "HEAD"]),
    removed: removeLinksOut(folder, await must(["ls-files", "--stage", "-z"])),
    idOf: async (path) => {
      const { code, stdout } = await git(["rev-parse", "--verify", "--quiet", `HEAD:${path}`]);
      return code === 0 ? stdout.trim() : undefined;
    },
  };
}

/** The token is in the environment of git alone. */
function gitEnv(
  { git }: Pick<Project, "git">,
  url: string,
  token: string | undefined,
  temporary: string,
): NodeJS.ProcessEnv {
  const quiet = { GIT_TERMINAL_PROMPT: "0", GIT_LFS_SKIP_SMUDGE: "1", LC_ALL: "C" };
  if (git.auth !== "token" || token === undefined) return { ...process.env, ...quiet };
  const { protocol, host } = new URL(url);
  const askpass = join(temporary, "askpass");
  writeFileSync(askpass, ASKPASS, { mode: 0o700 });
  return {
    ...process.env,
    ...quiet,
    GIT_ASKPASS: askpass,
    OPENCODE_PLATFORM_ASKED_NAME: `Username for '${protocol}//${host}': `,
    OPENCODE_PLATFORM_ASKED_TOKEN: `Password for '${protocol}//${encodeURIComponent(git.username)}@${host}': `,
    OPENCODE_PLATFORM_NAME: git.username,
    OPENCODE_PLATFORM_TOKEN: token,
  };
}

function wordsOf({ stderr, stdout }: ExecResult, token = ""): string {
  const text = lastLines(stderr || stdout, 5)
    .replace(/\s+/g, " ")
    .trim();
  return token ? text.replaceAll(token, "[secret]") : text;
}

/** A build follows a link that is its context, a Dockerfile or a feature: to whatever this machine has there. */
function removeLinksOut(folder: string, listed: string): string[] {
  const root = realpathSync(folder);
  const links = listed
    .split("\0")
    .flatMap((line) => (line.startsWith("120000 ") ? [line.split("\t")[1]] : []));
  return links.flatMap((link) => {
    if (link === undefined) return [];
    const path = join(root, link);
    if (isWithin(root, path)) return [];
    rmSync(path, { force: true });
    return [link];
  });
}

/** Whether a link leads to something in the repository, or to nothing. */
function isWithin(root: string, link: string): boolean {
  try {
    return contains(root, realpathSync(link));
  } catch {
    // It leads to nothing yet, which a build could still find elsewhere.
    return contains(root, resolve(dirname(link), readlinkSync(link)));
  }
}

const contains = (root: string, path: string): boolean => {
  const way = relative(root, path);
  return way !== ".." && !way.startsWith(`..${sep}`);
};
