import type { Git, Repo } from "../config/projects/project.ts";
import { cloneUrl } from "../config/projects/repo.ts";

/** Where the container has its deploy key. */
const DEPLOY_KEY = "/run/opencode/deploy_key";

/**
 * Git's configuration of a project, which the image's /etc/gitconfig includes: the lowest level, so that a person's and a repository's own win.
 * A variable such as GIT_AUTHOR_NAME would not.
 * @param settings.domain what the address of the commits' author ends with, where the entry says none
 */
export function gitConfig(settings: {
  project: string;
  domain: string;
  git: Git;
  repo?: Repo | undefined;
}): string {
  const { project, domain, git, repo } = settings;
  const { name = `${project} (opencode)`, email = `${project}@${domain}` } = git;
  const user = { name, email };
  if (git.auth === "ssh" && git.sign)
    return render([
      ["user", { ...user, signingKey: DEPLOY_KEY }],
      ["gpg", { format: "ssh" }],
      ["commit", { gpgSign: "true" }],
      ["tag", { gpgSign: "true" }],
    ]);
  if (git.auth !== "token" || !repo) return render([["user", user]]);
  const [base = ""] = /^\w+:\/\/[^/]+\//.exec(cloneUrl(repo)) ?? [];
  return render([
    ["user", user],
    [`url ${quote(base)}`, { insteadOf: sshAddresses(repo) }],
  ]);
}

/** How addresses of a repository's host begin that want a key: a submodule's, say. A project with a token has none, and the token opens the same. */
function sshAddresses({ url, host }: Repo): string[] {
  const spelled = /^\w+:\/\/([^/:]+)/i.exec(url)?.[1] ?? host;
  const hosts = [...new Set([host.replace(/\.$/, ""), spelled])];
  return hosts.flatMap((name) => [`git@${name}:`, `ssh://git@${name}/`, `ssh://git@${name}:22/`]);
}

type Section = readonly [header: string, keys: Readonly<Record<string, string | readonly string[]>>];

const render = (sections: readonly Section[]): string =>
  sections
    .map(([header, keys]) => {
      const lines = Object.entries(keys).flatMap(([key, value]) =>
        [value].flat().map((item) => `\t${key} = ${quote(item)}\n`),
      );
      return `[${header}]\n${lines.join("")}`;
    })
    .join("");

/** As git reads a text with any character but a line break. */
const quote = (text: string): string => `"${text.replace(/["\\]/g, "\\$&")}"`;
