/** A build context: the files of a folder as the daemon gets them, and one digest for all of them. */
import { createHash } from "node:crypto";
import { existsSync, lstatSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { isAbsolute, join, relative, resolve } from "node:path";
import type { TarEntry } from "../shared/tar.ts";
import { ignoreRules } from "./ignore.ts";

/** What a build is made from. */
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

function filesOf(context: string, keep: (path: string) => boolean): TarEntry[] {
  const names = readdirSync(context, { recursive: true, encoding: "utf8" }).sort();
  return names.filter(keep).flatMap((path) => entryOf(context, path) ?? []);
}

function digestOf(entries: readonly TarEntry[], dockerfile: string): string {
  const hash = createHash("sha256").update(dockerfile);
  for (const { path, mode, content, target } of entries) {
    const body = createHash("sha256")
      .update(content ?? target ?? "")
      .digest("hex");
    hash.update(`\0${path}\0${(mode & 0o7777).toString(8)}\0${body}`);
  }
  return hash.digest("hex");
}

/** Where the Dockerfile is; an error says what to write instead. */
export function checkDockerfile(context: string, dockerfile: string): string | undefined {
  if (!existsSync(context)) return `no folder at the build context "${context}"`;
  if (existsSync(dockerfile)) return undefined;
  const inside = join(context, dockerfile);
  if (!isAbsolute(dockerfile) && existsSync(inside)) {
    return `could not open dockerfile at relative path "${dockerfile}". Try setting \`dockerfile\` to "${inside}"`;
  }
  return `could not open dockerfile at relative path "${dockerfile}"`;
}

/** Reads the context. Paths are relative to the program's folder, as the official plugin takes them. */
export function readContext(context: string, dockerfile: string): BuildContext {
  const path = relative(resolve(context), resolve(dockerfile));
  const inside = !path.startsWith("..") && !isAbsolute(path);
  const ignored = ignoredIn(context, dockerfile);
  const entries = filesOf(context, (file) => (inside && file === path) || !ignored(file));
  if (!inside) entries.push({ path: OUTSIDE_DOCKERFILE, mode: 0o644, content: readFileSync(dockerfile) });
  const name = inside ? path : OUTSIDE_DOCKERFILE;
  return { entries, dockerfile: name, digest: digestOf(entries, name) };
}
