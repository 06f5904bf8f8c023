/** Whether what a repository brings may run before a person has looked at it. */
import { resolve } from "node:path";
import { parseRepo } from "./repo.ts";

/** `ask`: opencode is not started until somebody who may open the project has said yes. */
export type Trust = "ask" | "always";

/**
 * What is wrong with an item of `trustedRepos`; undefined if nothing is.
 * A prefix ends with a slash, since `https://github.com/acme` would also be the start of somebody else's acme-evil.
 */
export function trustedRepoMistake(text: string): string | undefined {
  const source = parseRepo(text.endsWith("/") ? `${text}repository` : text);
  return "mistake" in source
    ? `${source.mistake}: write a repository, or the start of some that ends with /`
    : undefined;
}

/**
 * Whether a repository is in a list of repositories and prefixes.
 * @param repo as written in an entry
 * @param trusted as written in `trustedRepos`
 * @param directory what relative paths are relative to
 */
export function isTrusted(repo: string, trusted: readonly string[], directory: string): boolean {
  const address = comparable(repo, directory);
  return trusted.some((item) => {
    const wanted = comparable(item, directory);
    return item.endsWith("/")
      ? address.startsWith(wanted) && !isClimbing(address.slice(wanted.length))
      : address === wanted;
  });
}

/** A path that leaves the folder that it begins in. */
const isClimbing = (path: string): boolean => decoded(path).split(/[/\\]/).includes("..");

function decoded(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return "..";
  }
}

/** One text for all ways to write an address. */
function comparable(text: string, directory: string): string {
  const ending = text.endsWith("/") ? "/" : "";
  if (/^\.{0,2}\//.test(text) || text === "." || text === "..")
    return resolve(directory, text).replace(/\/$/, "") + ending;
  const address = URL.canParse(text) && text.includes("://") ? new URL(text).href : text;
  return ending ? address : address.replace(/(\.git)?\/*$/, "");
}
