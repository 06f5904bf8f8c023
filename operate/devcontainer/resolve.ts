/** Reads the devcontainer.json of an entry's repository, builds its image where there is something to build, and says what is to be written down. */
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join, posix } from "node:path";
import { findDevcontainer } from "../../config/devcontainer/find.ts";
import { type Asked, parseLock, renderLock } from "../../config/devcontainer/lock.ts";
import { readMerged, readPrinted } from "../../config/devcontainer/merged.ts";
import { type Devcontainer, readDevcontainer } from "../../config/devcontainer/read.ts";
import { fail } from "../../config/errors.ts";
import type { Names } from "../../config/naming/names.ts";
import type { Project, Repo } from "../../config/projects/project.ts";
import { mapOf } from "../../config/projects/rough.ts";
import { parseJson } from "../../config/text/json.ts";
import { plainText } from "../../config/text/plain.ts";
import { lastLines } from "../../toolchain/lib/exec.ts";
import type { RunDocker } from "../docker/containers.ts";
import { cliVersion, type DevcontainerCli } from "./cli.ts";
import { type Clone, cloneCommit } from "./clone.ts";
import { isOnHost } from "./images.ts";

export interface ResolveParts {
  readonly project: Project;
  readonly names: Names;
  readonly cli: DevcontainerCli;
  /** The Docker client of the host that the project runs on. */
  readonly docker: RunDocker;
  /** A folder for the clone, with nothing in it. */
  readonly temporary: string;
  /** The value of the entry's token, where it has one. */
  readonly token?: string | undefined;
  /** Whether what was written down counts: its commit, and the image that it names. */
  readonly isLocked?: boolean;
  /** Receives each line of a build. */
  readonly onLine?: (line: string) => void;
}

export interface Resolution {
  /** The text of the project's file. */
  readonly lock: string;
  /** What the entry says. */
  readonly asked: Asked;
  readonly commit: string;
  /** The image of what had to be built; and whether it was on the host already. */
  readonly image?: { readonly reference: string; readonly wasThere: boolean };
  /** What a project doesn't take, each with the reason. */
  readonly left: readonly string[];
}

/** @throws UserError with what is wrong with the file, or why it can't be had or built */
export async function resolveDevcontainer(parts: ResolveParts): Promise<Resolution> {
  const { project, names, isLocked } = parts;
  const { repo, devcontainer } = project;
  if (!repo || !devcontainer) return fail("config", project.name, "has no devcontainer in projects.yaml");
  const { lock: written } = devcontainer;
  const asked = askedOf(repo, devcontainer);
  const clone = await cloneCommit({ ...project, repo }, join(parts.temporary, "clone"), {
    token: parts.token,
    commit: isLocked ? written?.commit : undefined,
  });
  const named = devcontainer.asked;
  const file = named === true ? findDevcontainer(clone.folder) : named;
  const path = join(clone.folder, file);
  if (!existsSync(path)) fail("config", project.name, `its repository has no ${file}`);
  const content = readFileSync(path, "utf8");
  const own = readDevcontainer(content, file, project.name);
  const { read, features } = await readAll(parts, clone, own, file);
  const built = own.isBuilt ? await identify(clone, own, file, features) : undefined;
  if (isLocked && built !== written?.built)
    fail(
      "conflict",
      project.name,
      "a feature, or the program that builds, is another than when it was written down",
      "read it anew, without --locked, and commit what that writes",
    );
  const lock = renderLock(asked, {
    commit: clone.commit,
    file,
    digest: `sha256:${createHash("sha256").update(content).digest("hex")}`,
    built,
    entry: read.entry,
  });
  refuseBroken(lock, file);
  const reference = built && names.devcontainer(`${project.name}:${built}`);
  const image = reference && { reference, wasThere: await buildOnce(parts, clone, path, reference) };
  return {
    lock,
    asked,
    commit: clone.commit,
    ...(image ? { image } : {}),
    left: [...read.left, ...clone.removed.map((link) => `link ${link}: leads out of the repository`)],
  };
}

/** What no update would read is not written down, and nothing built for it. */
function refuseBroken(lock: string, file: string): void {
  const read = parseLock(lock);
  if ("mistake" in read) fail("config", `${file}, as a project's entry`, read.reason ?? read.mistake);
}

const askedOf = ({ branch }: Repo, { repo, asked }: NonNullable<Project["devcontainer"]>): Asked => ({
  repo,
  branch,
  devcontainer: asked,
});

const fileArguments = (clone: Clone, path: string): string[] => [
  ...["--workspace-folder", clone.folder],
  ...["--config", path],
];

/** The file with what its image and its features say. */
async function readAll(
  { cli, project }: ResolveParts,
  clone: Clone,
  own: Devcontainer,
  file: string,
): Promise<{ read: Devcontainer; features: readonly string[] }> {
  const { code, stdout, stderr } = await cli([
    "read-configuration",
    ...fileArguments(clone, join(clone.folder, file)),
    ...["--include-merged-configuration", "--include-features-configuration"],
  ]);
  if (code !== 0) fail("environment", project.name, `its ${file} can't be read: ${reasonIn(stdout, stderr)}`);
  const printed = readPrinted(stdout);
  return { read: readMerged(own, printed, file, project.name), features: printed.features };
}

/** Why the reference implementation has failed: it prints that as JSON, and its log besides. */
function reasonIn(stdout: string, stderr: string): string {
  const { description, message = "" } = mapOf(parseJson(stdout.trim().split("\n").at(-1) ?? ""));
  const text = String(description ?? message);
  const log = plainText(stderr)
    .replace(/^\[[\dT:.Z-]+\] /gm, "")
    .trim();
  return `${text} ${lastLines(log, 8)}`.replace(/\s+/g, " ").trim().slice(0, 600);
}

/** Keys that an image is built of. */
const BUILD_KEYS = ["image", "build", "dockerFile", "context", "features", "overrideFeatureInstallOrder"];

/**
 * Twelve digits of what an image is built of: the keys, the build's context and Dockerfile, the folder of the file, which may have features, and
 * the features of registries by their digests. What a Dockerfile downloads, or begins with, is not known.
 */
async function identify(
  clone: Clone,
  { written }: Devcontainer,
  file: string,
  features: readonly string[],
): Promise<string> {
  const folder = posix.dirname(file);
  const build = mapOf(written.build);
  const dockerfile = written.dockerFile ?? build.dockerfile;
  const context = build.context ?? written.context ?? ".";
  const inRepository = (path: unknown) => posix.normalize(posix.join(folder, String(path)));
  const paths =
    dockerfile === undefined ? [folder] : [folder, inRepository(dockerfile), inRepository(context)];
  const ids = await Promise.all(
    paths.map(async (path) => {
      const id = await clone.idOf(path.replace(/^\.?\/?$|\/$/, ""));
      return id ?? fail("config", file, `${path} is not in the repository`);
    }),
  );
  const keys = BUILD_KEYS.map((key) => written[key] ?? null);
  return createHash("sha256")
    .update(JSON.stringify([cliVersion(), file, keys, ids, features]))
    .digest("hex")
    .slice(0, 12);
}

/** Builds an image that is not on the host. @returns whether it was */
async function buildOnce(
  { cli, docker, project, onLine }: ResolveParts,
  clone: Clone,
  path: string,
  reference: string,
): Promise<boolean> {
  if (await isOnHost(docker, reference)) return true;
  const args = ["build", ...fileArguments(clone, path), "--image-name", reference];
  const { code, stdout, stderr } = await cli(args, onLine);
  if (code !== 0) fail("environment", project.name, `its image can't be built: ${reasonIn(stdout, stderr)}`);
  return false;
}
