/** A build context: its files as sent to the daemon, and a digest of all of them. */
import { createHash } from "node:crypto";
import { existsSync, lstatSync, readdirSync, readFileSync, readlinkSync, realpathSync } from "node:fs";
import { isAbsolute, join, relative, resolve } from "node:path";
import type { TarEntry } from "../shared/tar.ts";
import { ignoreRules } from "./ignore.ts";

/** The input of a build. */
export interface BuildContext {
  readonly entries: readonly TarEntry[];
  /** The Dockerfile's path within the context. */
  readonly dockerfile: string;
  readonly digest: string;
}

const OUTSIDE_DOCKERFILE = ".dockerfile.outside-context";

function ignoredIn(context: string, dockerfile: string): (path: string) => boolean {
  const own = `${dockerfile}.dockerignore`;
  const file = existsSync(own) ? own : join(context, ".dockerignore");
  return ignoreRules(existsSync(file) ? readFileSync(file, "utf8") : "");
}

function entryOf(context: string, path: string): TarEntry | undefined {
  const file = join(context, path);
  const info = lstatSync(file);
  if (info.isDirectory()) return { path: `${path}/`, mode: info.mode, type: "directory" };
  if (info.isSymbolicLink()) return { path, mode: 0o777, type: "symlink", target: readlinkSync(file) };
  return info.isFile() ? { path, mode: info.mode, content: readFileSync(file) } : undefined;
}

/** In the order of a walk: a directory's content comes before its next sibling. */
function filesOf(context: string): TarEntry[] {
  const names = readdirSync(context, { recursive: true, encoding: "utf8" });
  const walked = names.map((name) => name.split("/").join("\0")).sort();
  return walked.flatMap((name) => entryOf(context, name.replaceAll("\0", "/")) ?? []);
}

const PERMISSIONS = ["---", "--x", "-w-", "-wx", "r--", "r-x", "rw-", "rwx"] as const;

/** A file's mode in Go's format. */
function modeText({ mode, type }: Pick<TarEntry, "mode" | "type">): string {
  const special = [
    type === "symlink" ? "L" : "",
    mode & 0o4000 ? "u" : "",
    mode & 0o2000 ? "g" : "",
    mode & 0o1000 ? "t" : "",
  ].join("");
  const triples = [mode >> 6, mode >> 3, mode].map((bits) => PERMISSIONS[bits & 7]);
  return `${special || "-"}${triples.join("")}`;
}

/** A link's final target, resolved from the program's directory for a relative context. */
function linkEnd(context: string, path: string): string {
  const end = realpathSync(join(context, path));
  return isAbsolute(context) ? end : relative(realpathSync("."), end);
}

/**
 * The official plugin's digest of a context (its `hashContext`), so that switching plugins does not change
 * the image.
 */
function digestOf(context: string, dockerfile: string, entries: readonly TarEntry[]): string {
  const hash = createHash("sha256");
  const add = (path: string, mode: string, content: Uint8Array | string): void => {
    hash.update(path).update(mode).update(createHash("sha256").update(content).digest()).update("\0");
  };
  add("Dockerfile", modeText({ mode: 0 }), readFileSync(dockerfile));
  for (const entry of entries) {
    const { path, type, content } = entry;
    if (type === "directory") continue;
    add(path, modeText(entry), type === "symlink" ? linkEnd(context, path) : (content ?? ""));
  }
  return hash.digest("hex");
}

/** Checks the Dockerfile's path; the error suggests a path. */
export function checkDockerfile(context: string, dockerfile: string): string | undefined {
  if (!existsSync(context)) return `build context "${context}" not found`;
  if (existsSync(dockerfile)) return undefined;
  const inside = join(context, dockerfile);
  if (!isAbsolute(dockerfile) && existsSync(inside)) {
    return `could not open dockerfile at relative path "${dockerfile}". Try setting \`dockerfile\` to "${inside}"`;
  }
  return `could not open dockerfile at relative path "${dockerfile}"`;
}

/** Reads the context. Paths are relative to the program's directory, as in the official plugin. */
export function readContext(context: string, dockerfile: string): BuildContext {
  const path = relative(resolve(context), resolve(dockerfile));
  const inside = !path.startsWith("..") && !isAbsolute(path);
  const ignored = ignoredIn(context, dockerfile);
  const files = filesOf(context);
  const kept = files.filter((file) => !ignored(bare(file)));
  const digest = digestOf(context, dockerfile, kept);
  const entries = files.filter((file) => (inside && file.path === path) || !ignored(bare(file)));
  if (!inside) entries.push({ path: OUTSIDE_DOCKERFILE, mode: 0o644, content: readFileSync(dockerfile) });
  return { entries, dockerfile: inside ? path : OUTSIDE_DOCKERFILE, digest };
}

/** The digest of earlier versions of this plugin, which older states have. */
export function formerDigest({ entries, dockerfile }: Pick<BuildContext, "entries" | "dockerfile">): string {
  const hash = createHash("sha256").update(dockerfile);
  const place = (entry: TarEntry): string => (entry.path === OUTSIDE_DOCKERFILE ? "\uffff" : bare(entry));
  const inOrder = [...entries].sort((a, b) => (place(a) < place(b) ? -1 : 1));
  for (const { path, mode, content, target } of inOrder) {
    const body = createHash("sha256")
      .update(content ?? target ?? "")
      .digest("hex");
    hash.update(`\0${path}\0${(mode & 0o7777).toString(8)}\0${body}`);
  }
  return hash.digest("hex");
}

const bare = ({ path }: TarEntry): string => path.replace(/\/$/, "");
