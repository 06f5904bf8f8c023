import { existsSync, readdirSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { install } from "../../lab/plugins/install.ts";
import { mustExec, which } from "../lib/exec.ts";
import type { Part } from "../part.ts";
import { findPulumi, PULUMI_HOST } from "./pulumi.ts";

const LANGUAGE_HOST = "pulumi-language-nodejs";
const PROVIDERS = ["docker", "command", "random", "tls", "digitalocean", "cloudflare"] as const;

/**
 * The PULUMI_HOME in which the stand-ins are, if they are used; the official plugins live where Pulumi puts them, and plugins on PATH
 * need no home.
 */
export function pulumiHome(dir: string): string | undefined {
  if (onPath() !== undefined) return undefined;
  const home = join(dir, "pulumi-home");
  return existsSync(join(home, "plugins")) ? home : undefined;
}

interface FoundPlugin {
  name: string;
  kind: "official" | "stand-in" | "not installed";
  file?: string;
}

/** Which plugin the engine takes for each provider. */
function findPlugins(dir: string): FoundPlugin[] {
  const plugins = pluginFolder(dir);
  const installed = existsSync(plugins) ? readdirSync(plugins).sort() : [];
  return PROVIDERS.map((name) => {
    const folder = installed.findLast((entry) => new RegExp(`^resource-${name}-v[\\d.]+$`).test(entry));
    const file = which(executable(name)) ?? (folder && join(plugins, folder, executable(name)));
    return file && existsSync(file) ? { name, kind: kindOf(file), file } : { name, kind: "not installed" };
  });
}

/** Which plugin the engine takes for each provider, in words: what it is and where. */
export const describePlugins = (dir: string): string[] =>
  findPlugins(dir).map(({ name, kind, file }) => `${name}: ${file ? `${kind}, ${file}` : kind}`);

/** The same in short: `official plugins`, or which are what where they differ. */
export function summarisePlugins(dir: string): string {
  const byKind = Object.groupBy(findPlugins(dir), ({ kind }) => kind);
  const groups = Object.entries(byKind);
  const [only] = groups;
  if (only && groups.length === 1) return only[0] === "not installed" ? "no plugins" : `${only[0]} plugins`;
  return groups.map(([kind, found]) => `${kind}: ${found.map(({ name }) => name).join(", ")}`).join("; ");
}

/** The official plugins are programs; the stand-ins are started by scripts. */
function kindOf(file: string): "official" | "stand-in" {
  return readFileSync(file).subarray(0, 2).toString() === "#!" ? "stand-in" : "official";
}

export const pluginsPart: Part = {
  name: "pulumi plugins",
  remedy: `install the official Pulumi CLI, which brings ${LANGUAGE_HOST}, and see that it reaches ${PULUMI_HOST}`,

  async find({ dir, root }) {
    const folder = onPath();
    if (folder !== undefined && (await languageHost(dir))) return `on PATH (${folder})`;
    if (pulumiHome(dir)) {
      const written = install(dir, process.execPath);
      return written.length > 0
        ? "stand-ins, brought up to date"
        : "stand-ins, already in the toolchain's folder";
    }
    const plugins = pluginFolder(dir);
    const there = providers(root).every(([name, version]) =>
      existsSync(join(plugins, `resource-${name}-v${version}`, executable(name))),
    );
    return there && (await languageHost(dir)) ? "official, already on this machine" : undefined;
  },

  async download(context) {
    const pulumi = await findPulumi(context.dir);
    if (!pulumi || !(await languageHost(context.dir)) || !(await context.network.reaches(PULUMI_HOST)))
      return undefined;
    for (const [name, version] of providers(context.root)) {
      context.progress(`downloading ${name} ${version}`);
      await mustExec(pulumi.path, ["plugin", "install", "resource", name, version], { env: context.env });
    }
    return "official download";
  },

  async build({ dir }) {
    install(dir, process.execPath);
    return "stand-ins in TypeScript, run from this checkout";
  },
};

function executable(provider: string): string {
  return `pulumi-resource-${provider}`;
}

/** The folders of the providers' plugins when PATH has them all: the engine prefers those to any others. */
function onPath(): string | undefined {
  const files = PROVIDERS.map((name) => which(executable(name)));
  const folders = files.flatMap((file) => (file === undefined ? [] : [dirname(file)]));
  return folders.length === PROVIDERS.length ? [...new Set(folders)].join(", ") : undefined;
}

/** Where the engine looks for plugins that aren't on PATH. */
function pluginFolder(dir: string): string {
  return join(pulumiHome(dir) ?? process.env.PULUMI_HOME ?? join(homedir(), ".pulumi"), "plugins");
}

/** The providers and the versions that package.json pins. */
function providers(root: string): [name: string, version: string][] {
  const { dependencies } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
    dependencies: Readonly<Record<string, string>>;
  };
  return PROVIDERS.map((name) => [name, dependencies[`@pulumi/${name}`] ?? ""]);
}

/** The official language host: next to the CLI, or on PATH. */
async function languageHost(dir: string): Promise<string | undefined> {
  const pulumi = await findPulumi(dir);
  const beside = pulumi ? join(dirname(pulumi.path), LANGUAGE_HOST) : "";
  return existsSync(beside) ? beside : which(LANGUAGE_HOST);
}
