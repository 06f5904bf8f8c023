/** `repos` of an entry: several repositories, cloned beside each other into folders of the workspace. */
import * as z from "zod";
import { show } from "../text/show.ts";
import type { Path } from "../text/yaml.ts";
import type { ProjectsDocument } from "./document.ts";
import { about, branch, depth, repo } from "./field-schemas.ts";
import type { PlacedRepo } from "./project.ts";
import { forgeOf, parseRepo, type RepoSource, tokenHost } from "./repo.ts";
import { listOf, mapOf, type UncheckedMap } from "./rough.ts";
import type { Trust } from "./trust.ts";
import type { Violation } from "./violation.ts";

/** They are cloned at once, each by a git of its own, within the project's memory. */
export const MAX_REPOS = 10;

/** No folder of the workspace that the platform or opencode reads begins with a dot. */
const PATH_PATTERN = /^[A-Za-z0-9_][\w.-]*(\/[A-Za-z0-9_][\w.-]*)*$/;

const pathError = about(
  (found) =>
    `${found} is not a folder of the workspace: write names of letters, digits, _, - and dots that begin with none (e.g. api, or libs/ui)`,
);
const urlError = about((found) => `${found} is not a repository URL`);
const itemError = ({ code, input }: { code?: string; input?: unknown }) => {
  if (code !== "invalid_type" || typeof input !== "string") return undefined;
  // What could hold a password is not quoted.
  const isAddress = !("mistake" in parseRepo(input));
  return `${isAddress ? show(input) : "this"} has no folder: write { url: ${isAddress ? input : "https://…"}, path: api }`;
};

const placed = z.strictObject(
  {
    url: z
      .string({ error: urlError })
      .superRefine((text, context) => {
        const source = parseRepo(text);
        if ("mistake" in source)
          context.addIssue({ code: "custom", message: source.mistake, params: { fix: source.fix } });
        else if (source.kind === "local")
          context.addIssue({
            code: "custom",
            message: `${show(text)} is a path of this machine, of which only repo takes one`,
            params: { fix: "push it to a git host and use its https or ssh URL" },
          });
      })
      .describe("Repository to clone: an https, ssh or git@host:path URL."),
    path: z
      .string({ error: pathError })
      .regex(PATH_PATTERN, { error: pathError })
      .describe("Folder of the workspace that it is cloned into, while that is empty."),
    branch,
    depth,
  },
  { error: itemError },
);

/** The key `repos` of an entry. */
export const repos = z
  .array(placed)
  .min(1, { error: "is an empty list: list repositories, or remove it for an empty workspace" })
  .max(MAX_REPOS, { error: `lists more than ${MAX_REPOS} repositories` })
  .describe(
    `Several repositories in place of repo, each cloned into a folder of the workspace. With git: { auth: token } or ssh all are of one host. At most ${MAX_REPOS}. Default: none.`,
  )
  .meta({ examples: [[{ url: "https://github.com/example/api.git", path: "api" }]] });

/**
 * Repositories as the program uses them, in the file's order.
 * @param trustOf whether one has to be asked about
 */
export const readRepos = (written: z.output<typeof repos>, trustOf: (url: string) => Trust): PlacedRepo[] =>
  written.flatMap(({ url, path, branch, depth }) => {
    const source = parseRepo(url);
    if ("mistake" in source) return [];
    return [
      {
        ...source,
        ...(branch !== undefined && { branch }),
        ...(depth !== undefined && { depth }),
        path,
        trust: trustOf(url),
      },
    ];
  });

/** A repository of an entry with its place in the file. */
export interface SourceAt {
  readonly source: RepoSource;
  readonly path: Path;
}

/** An entry's repositories, as far as they are right. */
export const sourcesAt = (entry: UncheckedMap, path: Path): SourceAt[] =>
  listOf(entry.repos).flatMap((item, index): SourceAt[] => {
    const { url } = mapOf(item);
    const source = repo.safeParse(url).success && typeof url === "string" ? parseRepo(url) : undefined;
    if (!source || "mistake" in source || source.kind === "local") return [];
    return [{ source, path: [...path, "repos", index, "url"] }];
  });

/** What is wrong with an entry's `repos` beside its other keys and with each other. */
export function checkRepos(entry: UncheckedMap, path: Path): Violation[] {
  if (entry.repos === undefined) return [];
  const both =
    entry.repo === undefined
      ? []
      : [{ path: [...path, "repos"], what: "is beside repo", fix: "keep one of the two", atKey: true }];
  const idle = ["branch", "depth"]
    .filter((key) => entry[key] !== undefined && entry.repo === undefined)
    .map((key) => ({
      path: [...path, key],
      what: "has no effect with repos",
      fix: "write it in the repository that it is for",
      atKey: true,
    }));
  return [...both, ...idle, ...checkFolders(entry, path), ...checkOneHost(entry, path)];
}

/** Folders that are the same, or within each other. A disk may know no difference between `Api` and `api`. */
function checkFolders(entry: UncheckedMap, path: Path): Violation[] {
  const seen: string[] = [];
  return listOf(entry.repos).flatMap((item, index): Violation[] => {
    const { path: written } = mapOf(item);
    if (typeof written !== "string" || !PATH_PATTERN.test(written)) return [];
    const folder = `${written.toLowerCase()}/`;
    const other = seen.find((each) => each.startsWith(folder) || folder.startsWith(each));
    seen.push(folder);
    if (other === undefined) return [];
    const what =
      other === folder
        ? `${show(written)} is listed twice`
        : `${show(written)} and another are within each other`;
    return [{ path: [...path, "repos", index, "path"], what, fix: "give each a folder of its own" }];
  });
}

const sshPort = (url: string): string => {
  const port = URL.canParse(url) ? new URL(url).port : "";
  return port === "" || port === "22" ? "" : `:${port}`;
};

/** A token is for one host, and a deploy key for the accounts of one. */
function checkOneHost(entry: UncheckedMap, path: Path): Violation[] {
  const { auth } = mapOf(entry.git);
  if (auth !== "token" && auth !== "ssh") return [];
  const sources = sourcesAt(entry, path);
  const hostOf = ({ kind, url, host }: RepoSource) =>
    kind === "ssh" ? `${host.toLowerCase()}${sshPort(url)}` : `${kind}://${tokenHost(url)}`;
  const [first] = sources;
  return sources.flatMap(({ source, path: at }): Violation[] => {
    if (!first || (source.kind === "ssh") !== (first.source.kind === "ssh")) return [];
    if (hostOf(source) === hostOf(first.source)) return [];
    const [what, key] =
      auth === "token" ? ["the token goes to one host", "token"] : ["the deploy key is for one host", "key"];
    return [
      {
        path: at,
        what: `is of another host than the first (${hostOf(first.source)}), and ${what}`,
        fix: `keep to one host, or give the others a project with a ${key} of its own`,
      },
    ];
  });
}

/** GitHub takes a deploy key for one repository alone. */
export function warnOfDeployKeys({ value }: ProjectsDocument): Violation[] {
  return listOf(mapOf(value).projects).flatMap((entry, index): Violation[] => {
    const each = mapOf(entry);
    const path = ["projects", index];
    const isGithub = sourcesAt(each, path).filter(({ source }) => forgeOf(source.host) === "github");
    if (mapOf(each.git).auth !== "ssh" || isGithub.length < 2) return [];
    const what = "GitHub takes a deploy key for one repository alone, and all of these get the same";
    return [
      { path: [...path, "repos"], what, fix: "use a token: git: { auth: token, secret: NAME }", atKey: true },
    ];
  });
}
