import { existsSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { mustExec, which } from "../lib/exec.ts";
import type { Part } from "../part.ts";
import { install } from "../plugins/install.ts";
import { findPulumi, PULUMI_HOST } from "./pulumi.ts";

const LANGUAGE_HOST = "pulumi-language-nodejs";
const PROVIDERS = ["docker", "command", "random", "tls"] as const;

/** The PULUMI_HOME in which the stand-ins are, if they are used; the official plugins live where Pulumi puts them. */
export function pulumiHome(dir: string): string | undefined {
  const home = join(dir, "pulumi-home");
  return existsSync(join(home, "plugins")) ? home : undefined;
}

export const pluginsPart: Part = {
  name: "pulumi plugins",
  remedy: `install the official Pulumi CLI, which brings ${LANGUAGE_HOST}, and see that it reaches ${PULUMI_HOST}`,

  async find({ dir, root }) {
    if (pulumiHome(dir)) {
      const written = install(dir, process.execPath);
      return written.length > 0
        ? "stand-ins, brought up to date"
        : "stand-ins, already in the toolchain's folder";
    }
    const plugins = join(process.env.PULUMI_HOME ?? join(homedir(), ".pulumi"), "plugins");
    const there = providers(root).every(([name, version]) =>
      existsSync(join(plugins, `resource-${name}-v${version}`, `pulumi-resource-${name}`)),
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
