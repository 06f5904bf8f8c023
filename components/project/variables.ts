/** The variables of a project's container: the entry's own, and what the image's scripts have to know. */
import type { Urls } from "../../config/naming/urls.ts";
import type { PlacedRepo, Project } from "../../config/projects/project.ts";
import { cloneUrl, tokenHost } from "../../config/projects/repo.ts";
import type { ProjectCompany } from "./company.ts";

/** Repositories for the image's script: path, address, depth and branch of each, `-` for none. None of them has a space or begins with a hyphen. */
const reposVariable = (repos: readonly PlacedRepo[]): string =>
  repos.map((repo) => [repo.path, cloneUrl(repo), repo.depth ?? "-", repo.branch ?? "-"].join(" ")).join(" ");

/** Those of which somebody has to say that what they bring may run. */
const askedAbout = (repos: readonly PlacedRepo[]): string =>
  JSON.stringify(repos.filter(({ trust }) => trust === "ask").map(({ url, path }) => ({ repo: url, path })));

/** `NAME=value` of all that anybody may see: `docker inspect` shows it. */
export function containerVariables(
  { name, repo, repos = [], git, env, trust }: Project,
  urls: Pick<Urls, "browser">,
  company: Pick<ProjectCompany, "variables"> | undefined,
): string[] {
  // Of several with a token, all are of the first one's host.
  const withToken = git.auth === "token" ? (repo ?? repos[0]) : repo;
  const own: Record<string, string | undefined> = {
    OPENCODE_PLATFORM_REPO: repo?.kind === "local" ? "file:///mnt/repo" : withToken && cloneUrl(withToken),
    OPENCODE_PLATFORM_BRANCH: repo?.branch,
    OPENCODE_PLATFORM_DEPTH: repo?.depth?.toString(),
    OPENCODE_PLATFORM_REPOS: repos.length > 0 ? reposVariable(repos) : undefined,
    OPENCODE_PLATFORM_GIT_AUTH: git.auth,
    ...(trust === "ask"
      ? {
          OPENCODE_PLATFORM_PROJECT: name,
          OPENCODE_PLATFORM_TRUST: trust,
          // Not the address of the clone, which is the same for every repository on this machine.
          OPENCODE_PLATFORM_TRUST_REPO: repo?.url,
          OPENCODE_PLATFORM_TRUST_REPOS: repos.length > 0 ? askedAbout(repos) : undefined,
          OPENCODE_PLATFORM_URL: urls.browser(name),
        }
      : {}),
    ...(git.auth === "token" && withToken
      ? {
          OPENCODE_PLATFORM_GIT_FORGE: git.forge,
          OPENCODE_PLATFORM_GIT_HOST: tokenHost(withToken.url),
          OPENCODE_PLATFORM_GIT_USERNAME: git.username,
          OPENCODE_PLATFORM_GIT_SECRET: git.secret,
        }
      : {}),
  };
  return Object.entries({ ...company?.variables, ...env, ...own })
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}=${value}`)
    .sort();
}
