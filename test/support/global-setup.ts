import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { TestProject } from "vitest/node";
import { PLATFORM_LABEL } from "../../config/naming/names.ts";
import { makeRepositories, startGit } from "../../lab/forges/git.ts";
import { provision } from "../../toolchain/index.ts";
import { dockerPart, stopDockerd } from "../../toolchain/parts/docker.ts";
import { toolchainDir } from "../../toolchain/paths.ts";
import { docker, hostAddress, leftOn, removeAll } from "./docker.ts";
import { freePort } from "./free-port.ts";
import { type Fixture, Platform } from "./platform.ts";
import { must } from "./run.ts";
import { isRunning, removeDeadFolders, removeFolder, temporaryFolder } from "./temporary.ts";

const CHECKOUT = join(import.meta.dirname, "../..");
/** Files of the repository `alpha`. */
const ALPHA = { "README.md": "# alpha\n", "src/main.ts": "export const answer = 42;\n" };

/**
 * Clones the checkout's last commit, runs `npm start` in the clone, provides it to the test files, and
 * removes everything afterwards. Uncommitted changes are not tested.
 *
 * E2E_KEEP=<file> keeps the clone and records its path; the next run with the same file reuses it. The suites
 * of one `npm test` do this, and the last one has E2E_LAST and removes it. For work on the tests, a run
 * without E2E_KEEP does.
 */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const keep = process.env.E2E_KEEP;
  const kept = keep && existsSync(keep) ? (JSON.parse(readFileSync(keep, "utf8")) as Fixture) : undefined;
  if (!keep) await removeDeadRuns();
  const folder = temporaryFolder();
  const repositories = makeRepositories(folder);
  repositories.add("alpha", [{ files: ALPHA }]);
  const git = await startGit(repositories, { port: kept?.gitPort });
  const fixture = kept ?? (await newFixture(git.port));
  const takeAway = async () => {
    await git.close();
    removeFolder(folder);
    if (keep && !process.env.E2E_LAST) return;
    await dismantle(new Platform(fixture));
    if (keep) rmSync(keep, { force: true });
  };
  try {
    const firstStart = kept?.firstStart ?? (await firstRun(new Platform(fixture)));
    const provided = { ...fixture, firstStart };
    if (keep) writeFileSync(keep, JSON.stringify(provided));
    project.provide("fixture", provided);
  } catch (error) {
    await takeAway().catch((trouble: unknown) => console.error(trouble));
    throw error;
  }
  return takeAway;
}

async function newFixture(gitPort: number): Promise<Fixture> {
  const host = await hostAddress();
  return {
    root: temporaryFolder(),
    prefix: `e2e-${process.pid}`,
    port: await freePort("0.0.0.0"),
    host,
    modelPort: await freePort("0.0.0.0"),
    gitPort,
    firstStart: "",
  };
}

async function firstRun(platform: Platform): Promise<string> {
  const { root, prefix, port } = platform.fixture;
  await must("git", ["clone", "--quiet", CHECKOUT, root]);
  platform.write(platform.baseline());
  const config = [`opencode-platform:port: "${port}"`, `opencode-platform:namePrefix: ${prefix}`];
  writeFileSync(join(root, "Pulumi.local.yaml"), `config:\n${config.map((line) => `  ${line}\n`).join("")}`);
  const started = await platform.npm("start");
  if (started.code !== 0) throw new Error(`npm start ended with ${started.code}:\n${started.output}`);
  platform.markApplied();
  return started.output;
}

/** `down` has stopped an Engine that only this toolchain used: it is started once more for the check. */
async function withEngine<T>(look: () => Promise<T>): Promise<T> {
  const answers = await docker.ping().then(
    () => true,
    () => false,
  );
  if (answers) return look();
  await provision([dockerPart], { root: CHECKOUT, progress: "plain" });
  return look().finally(() => stopDockerd(toolchainDir(CHECKOUT)));
}

/** Throws if `npm run down` leaves anything on the Docker daemon. */
async function dismantle(platform: Platform): Promise<void> {
  const { root, prefix } = platform.fixture;
  const workspaces = platform.workspacesDir;
  const down = await platform.npm("run", "down");
  const left = await withEngine(() => leftOn(prefix).finally(() => removeAll(prefix)));
  removeFolder(root);
  removeFolder(workspaces);
  if (down.code !== 0) throw new Error(`npm run down ended with ${down.code}:\n${down.output}`);
  if (left.length > 0) throw new Error(`npm run down left behind: ${left.join(", ")}\n${down.output}`);
}

/** Removes leftovers of killed runs, each named after its process. */
async function removeDeadRuns(): Promise<void> {
  const containers = await docker.listContainers({ all: true, filters: { label: [PLATFORM_LABEL] } });
  const networks = await docker.listNetworks({ filters: { label: [PLATFORM_LABEL] } });
  const prefixes = new Set([...containers, ...networks].map(({ Labels }) => Labels?.[PLATFORM_LABEL] ?? ""));
  for (const prefix of prefixes) {
    const pid = /^e2e-(\d+)$/.exec(prefix)?.[1];
    if (pid && !isRunning(Number(pid))) await removeAll(prefix);
  }
  removeDeadFolders();
}
