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
/** For so long after the official plugins could not be had, they aren't looked for where stand-ins do. */
const CONTENT_MS = 6 * HOUR_MS;

/**
 * The PULUMI_HOME in which the stand-ins are, if they are used; the official plugins live where Pulumi puts them, and plugins on PATH
 * need no home.
 */
export function pulumiHome(dir: string): string | undefined {
  if (onPath() !== undefined) return undefined;
  const home = join(dir, "pulumi-home");
  return installedStandIns(dir).length > 0 ? home : undefined;
}

/** Which plugin the engine takes for each provider and for the language, started as the scripts start it. */
async function enginePlugins(dir: string): Promise<FoundPlugin[]> {
  const path = [join(dir, "bin"), process.env.PATH ?? ""].join(delimiter);
  const env = { ...process.env, PATH: path, PULUMI_HOME: pulumiHome(dir) ?? officialHome(dir) };
  return findPlugins(env, (await findPulumi(dir))?.path);
}

/** Which plugin the engine takes for each provider, in words: what it is and where. */
export const describePlugins = async (dir: string): Promise<string[]> =>
  (await enginePlugins(dir)).map(({ name, kind, file }) => `${name}: ${file ? `${kind}, ${file}` : kind}`);

/** The same in short: `official plugins`, or which are what where they differ. */
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
    // Where they do, the official ones may be had by now.
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
      // What works already on this machine goes on working.
      if (!context.builders || !pulumiHome(context.dir)) throw error;
      context.progress(`the official plugins can't be had now (${(error as Error).message})`);
      return undefined;
    }
  },
};

/** Brings the official plugins, and the CLI where its language host is missing; the stand-ins go once all is there. */
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

/** Its time says when the official plugins were last looked for and could not be had. */
export const missedFile = (dir: string): string => join(dir, "plugins-missed");

function wereMissedLately(dir: string): boolean {
  const missed = statSync(missedFile(dir), { throwIfNoEntry: false });
  const ms = missed ? Date.now() - missed.mtimeMs : CONTENT_MS;
  return ms > -HOUR_MS && ms < CONTENT_MS;
}

/** The folders of the providers' plugins when PATH has them all: the engine prefers those to any others. */
function onPath(): string | undefined {
  const files = PROVIDERS.map((name) => which(providerFile(name)));
  const folders = files.flatMap((file) => (file === undefined ? [] : [dirname(file)]));
  return folders.length === PROVIDERS.length ? [...new Set(folders)].join(", ") : undefined;
}

/** Where Pulumi keeps the official plugins: never in the toolchain's folder, which a shell may still name by PULUMI_HOME. */
function officialHome(dir: string): string {
  const named = process.env.PULUMI_HOME;
  return named && named !== join(dir, "pulumi-home") ? named : join(homedir(), ".pulumi");
}

/** The program's own package.json, also where it is a package itself. */
const PACKAGE = join(import.meta.dirname, "../../package.json");

/** The providers and the versions that package.json pins. */
function providers(): [name: string, version: string][] {
  const { dependencies } = JSON.parse(readFileSync(PACKAGE, "utf8")) as {
    dependencies: Readonly<Record<string, string>>;
  };
  return PROVIDERS.map((name) => [name, dependencies[`@pulumi/${name}`] ?? ""]);
}

/** The language host that the engine takes, whatever it is. */
async function languageHost(dir: string): Promise<string | undefined> {
  return (await enginePlugins(dir)).find(({ name }) => name === "nodejs")?.file;
}

async function officialLanguageHost(dir: string): Promise<string | undefined> {
  const file = await languageHost(dir);
  return file === undefined || isStandIn(file) ? undefined : file;
}
