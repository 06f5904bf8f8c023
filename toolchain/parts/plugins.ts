import { existsSync, readFileSync, statSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import {
  type FoundPlugin,
  findPlugins,
  isStandIn,
  LANGUAGE_HOST,
  PROVIDERS,
  providerFile,
} from "../../config/stack/stand-ins.ts";
import { mustExec, which } from "../lib/exec.ts";
import { installedStandIns, removeStandIns } from "../lib/stand-ins.ts";
import type { Context, Part } from "../part.ts";
import { findPulumi, PULUMI_HOST, pulumiPart } from "./pulumi.ts";

const HOUR_MS = 3_600_000;
/** After official plugins were unavailable, how long they aren't looked for again where stand-ins suffice. */
const CONTENT_MS = 6 * HOUR_MS;

/**
 * The PULUMI_HOME with the stand-ins, if they are used; official plugins are in Pulumi's own home, and
 * plugins on PATH need none.
 */
export function pulumiHome(dir: string): string | undefined {
  if (onPath() !== undefined) return undefined;
  const home = join(dir, "pulumi-home");
  return installedStandIns(dir).length > 0 ? home : undefined;
}

/** The plugin that the engine uses for each provider and for the language, in the scripts' environment. */
async function enginePlugins(dir: string): Promise<FoundPlugin[]> {
  const path = [join(dir, "bin"), process.env.PATH ?? ""].join(delimiter);
  const env = { ...process.env, PATH: path, PULUMI_HOME: pulumiHome(dir) ?? officialHome(dir) };
  return findPlugins(env, (await findPulumi(dir))?.path);
}

/** Describes the plugin that the engine uses for each provider: kind and file. */
export const describePlugins = async (dir: string): Promise<string[]> =>
  (await enginePlugins(dir)).map(({ name, kind, file }) => `${name}: ${file ? `${kind}, ${file}` : kind}`);

/** A short form: `official plugins`, or the plugins by kind. */
export async function summarisePlugins(dir: string): Promise<string> {
  const byKind = Object.groupBy(await enginePlugins(dir), ({ kind }) => kind);
  const groups = Object.entries(byKind);
  const [only] = groups;
  if (only && groups.length === 1) return only[0] === "not installed" ? "no plugins" : `${only[0]} plugins`;
  return groups.map(([kind, found]) => `${kind}: ${found.map(({ name }) => name).join(", ")}`).join("; ");
}

export const pluginsPart: Part = {
  name: "pulumi plugins",
  remedy: `install the official Pulumi CLI, which includes ${LANGUAGE_HOST}, and allow access to ${PULUMI_HOST}`,

  async find({ dir, builders }) {
    const hasStandIns = (await enginePlugins(dir)).some(({ kind }) => kind === "stand-in");
    // If so, the official ones may be available now.
    if (hasStandIns && !(builders && wereMissedLately(dir))) return undefined;
    const folder = onPath();
    if (folder !== undefined && (await languageHost(dir))) return `on PATH (${folder})`;
    if (builders && pulumiHome(dir)) {
      const written = builders.installStandIns(dir);
      return written.length > 0 ? "stand-ins, updated" : "stand-ins, already in the toolchain's folder";
    }
    const plugins = join(officialHome(dir), "plugins");
    const there = providers().every(([name, version]) =>
      existsSync(join(plugins, `resource-${name}-v${version}`, providerFile(name))),
    );
    return there && (await officialLanguageHost(dir)) ? "official, already installed" : undefined;
  },

  async download(context) {
    try {
      return await downloadOfficial(context);
    } catch (error) {
      // Keeps what already works on this machine.
      if (!context.builders || !pulumiHome(context.dir)) throw error;
      context.progress(`the official plugins are not available (${(error as Error).message})`);
      return undefined;
    }
  },
};

/**
 * Downloads the official plugins, and the CLI if its language host is missing; then removes the stand-ins.
 */
async function downloadOfficial(context: Context): Promise<string | undefined> {
  const { dir } = context;
  if (!(await context.network.reaches(PULUMI_HOST))) return undefined;
  if (!(await officialLanguageHost(dir)) && !(await pulumiPart.download?.(context))) return undefined;
  const pulumi = await findPulumi(dir);
  if (!pulumi) return undefined;
  const env = { ...context.env, PULUMI_HOME: officialHome(dir) };
  for (const [name, version] of providers()) {
    context.progress(`downloading ${name} ${version}`);
    await mustExec(pulumi.path, ["plugin", "install", "resource", name, version], { env });
  }
  removeStandIns(dir);
  return "official download";
}

/** A file whose time is when the official plugins were last unavailable. */
export const missedFile = (dir: string): string => join(dir, "plugins-missed");

function wereMissedLately(dir: string): boolean {
  const missed = statSync(missedFile(dir), { throwIfNoEntry: false });
  const ms = missed ? Date.now() - missed.mtimeMs : CONTENT_MS;
  return ms > -HOUR_MS && ms < CONTENT_MS;
}

/** Directories of the providers' plugins if PATH has them all: the engine prefers those. */
function onPath(): string | undefined {
  const files = PROVIDERS.map((name) => which(providerFile(name)));
  const folders = files.flatMap((file) => (file === undefined ? [] : [dirname(file)]));
  return folders.length === PROVIDERS.length ? [...new Set(folders)].join(", ") : undefined;
}

/**
 * Pulumi's own home of official plugins: never in the toolchain's folder, even if a shell sets PULUMI_HOME to
 * it.
 */
function officialHome(dir: string): string {
  const named = process.env.PULUMI_HOME;
  return named && named !== join(dir, "pulumi-home") ? named : join(homedir(), ".pulumi");
}

/** The program's own package.json, even if it is installed as a package. */
const PACKAGE = join(import.meta.dirname, "../../package.json");

/** The providers and versions pinned in package.json. */
function providers(): [name: string, version: string][] {
  const { dependencies } = JSON.parse(readFileSync(PACKAGE, "utf8")) as {
    dependencies: Readonly<Record<string, string>>;
  };
  return PROVIDERS.map((name) => [name, dependencies[`@pulumi/${name}`] ?? ""]);
}

/** The language host that the engine uses, of any kind. */
async function languageHost(dir: string): Promise<string | undefined> {
  return (await enginePlugins(dir)).find(({ name }) => name === "nodejs")?.file;
}

async function officialLanguageHost(dir: string): Promise<string | undefined> {
  const file = await languageHost(dir);
  return file === undefined || isStandIn(file) ? undefined : file;
}
