import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { Listr, type ListrTaskWrapper } from "listr2";
import { fail, UserError } from "../config/errors.ts";
import { IMAGE_REGISTRY } from "./lib/image.ts";
import { withLock } from "./lib/lock.ts";
import { Manifest } from "./lib/manifest.ts";
import { Network, PATIENT } from "./lib/network.ts";
import { duration } from "./lib/words.ts";
import type { Builders, Context, Part } from "./part.ts";
import { PULUMI_HOST } from "./parts/pulumi.ts";
import { toolchainDir, toolchainPath } from "./paths.ts";

export interface ProvisionOptions {
  /** The checkout. */
  root: string;
  /**
   * `live` redraws (on a terminal), `plain` prints a line at each start and end, `quiet` only prints what was
   * installed.
   */
  progress: "live" | "plain" | "quiet";
  /** The Docker Engine's address. Default: the client's. */
  dockerHost?: string;
  /** Builders of parts that can't be found or downloaded: for the stack `local` and tests. Default: none. */
  builders?: Builders | undefined;
}

/** Interval at which a plain log reports that a long step is still running. */
const HEARTBEAT_MS = 60_000;

type Say = (words: string) => void;

/**
 * Ensures that every part is installed, in order.
 * @throws UserError for the first part that can't be installed
 */
export async function provision(parts: readonly Part[], options: ProvisionOptions): Promise<void> {
  const dir = toolchainDir(options.root);
  mkdirSync(dir, { recursive: true });
  const missing = await findAll(parts, options, dir);
  if (missing.length === 0) return;
  const network = new Network([PULUMI_HOST, IMAGE_REGISTRY], { [PULUMI_HOST]: PATIENT });
  const make = (part: Part, say: Say) => makePart(part, contextFor(options, dir, network, say), say);
  if (options.progress === "live") await runInteractive(missing, make);
  else await runPlain(missing, make);
}

/** Reports each part that is already installed, and returns the others. */
async function findAll(parts: readonly Part[], options: ProvisionOptions, dir: string): Promise<Part[]> {
  const missing: Part[] = [];
  const network = new Network();
  for (const part of parts) {
    // A part may depend on an earlier missing one (an image on the Engine); then it is missing too.
    const way = await part.find(contextFor(options, dir, network, () => {}));
    if (way === undefined) missing.push(part);
    else if (options.progress !== "quiet") console.log(line(part, way));
  }
  return missing;
}

function contextFor(options: ProvisionOptions, dir: string, network: Network, progress: Say): Context {
  const env: NodeJS.ProcessEnv = { ...process.env, PATH: toolchainPath(options.root) };
  if (options.dockerHost) env.DOCKER_HOST = options.dockerHost;
  return {
    root: options.root,
    dir,
    manifest: new Manifest(dir),
    network,
    builders: options.builders,
    scratch: join(dir, "tmp"),
    env,
    progress,
  };
}

/** Downloads or builds a part under the lock; another process may have done so meanwhile. */
async function makePart(part: Part, context: Context, say: Say): Promise<string> {
  const began = performance.now();
  const waiting = ({ pid }: { pid: number }) =>
    say(`waiting for another process (${pid}) to prepare the toolchain`);
  return withLock(join(context.dir, "lock"), waiting, async () => {
    const clean = () => rmSync(context.scratch, { recursive: true, force: true });
    try {
      const found = await part.find(context);
      if (found !== undefined) return found;
      for (const step of [part.download, context.builders?.builds[part.name]]) {
        clean();
        mkdirSync(context.scratch, { recursive: true });
        const way = await step?.call(part, context);
        if (way !== undefined) return `${way} in ${duration(performance.now() - began)}`;
      }
    } catch (error) {
      if (error instanceof UserError) throw error;
      fail("environment", part.name, (error as Error).message, part.remedy);
    } finally {
      clean();
    }
    fail(
      "environment",
      part.name,
      context.builders
        ? "is not installed and can be neither downloaded nor built here"
        : "is not installed and can't be downloaded",
      part.remedy,
    );
  });
}

async function runPlain(
  parts: readonly Part[],
  make: (part: Part, say: Say) => Promise<string>,
): Promise<void> {
  for (const part of parts) {
    const began = performance.now();
    let latest = "";
    let hasReported = false;
    const say: Say = (words) => {
      latest = words;
      if (!hasReported) console.log(`${part.name}: ${words} …`);
      hasReported = true;
    };
    const beat = () => console.log(`${part.name}: ${latest} … (${duration(performance.now() - began)})`);
    const timer = setInterval(beat, HEARTBEAT_MS);
    try {
      console.log(line(part, await make(part, say)));
    } finally {
      clearInterval(timer);
    }
  }
}

async function runInteractive(
  parts: readonly Part[],
  make: (part: Part, say: Say) => Promise<string>,
): Promise<void> {
  const run = async (part: Part, task: Pick<ListrTaskWrapper<unknown, never, never>, "title">) => {
    const began = performance.now();
    let latest = "";
    const draw = () => {
      task.title = `${part.name}: ${latest} … ${duration(performance.now() - began)}`;
    };
    const timer = setInterval(draw, 1000);
    try {
      const way = await make(part, (words) => {
        latest = words;
        draw();
      });
      task.title = line(part, way);
    } finally {
      clearInterval(timer);
    }
  };
  const tasks = parts.map((part) => ({
    title: part.name,
    task: (_: unknown, task: { title: string }) => run(part, task as never),
  }));
  await new Listr(tasks, {
    renderer: "default",
    registerSignalListeners: false,
    rendererOptions: { collapseErrors: false, showErrorMessage: false },
  }).run();
}

const line = (part: Part, way: string): string => `${part.name}: ${way}`;
