import { join } from "node:path";
import { defineConfig } from "vitest/config";

const MINUTE = 60_000;
/** Folder of official plugins: the test of a change from one kind to the other is in its suite only where there are both. */
const OFFICIAL_PLUGINS = process.env.OPENCODE_PLATFORM_OFFICIAL_PLUGINS;

/** Files that run on both majors: they call opencode's API, show its page, run its terminal client, or look for its activity. */
const ON_BOTH_MAJORS = [
  "local/serving",
  "local/page",
  "local/attach",
  "attach/terminal",
  "panel/idle",
  "security/repository",
].map((name) => `test/suites/${name}.test.ts`);
const SECOND_MAJOR = {
  TEST_OPENCODE: "2.0.14-shuv.1",
  OPENCODE_PLATFORM_LAB_RELEASES: join(import.meta.dirname, "lab/opencode/releases.json"),
};

/** Tests on a platform of their own on this machine. One file after another: they share its Docker, and each weighs some containers. */
const onPlatform = (
  name: string,
  include: string[],
  { exclude = [], env = {} }: { exclude?: string[]; env?: Record<string, string> } = {},
) => ({
  test: {
    name,
    globalSetup: ["test/support/global-setup.ts"],
    include,
    exclude,
    env,
    fileParallelism: false,
    pool: "forks" as const,
    testTimeout: 5 * MINUTE,
    hookTimeout: 15 * MINUTE,
    teardownTimeout: 2 * MINUTE,
  },
});

/**
 * Unit tests with a process for each file: programs that are imported whole, mocks of the engine, changes of the environment. The others share
 * one for many files, since a third of the time went into loading modules for each.
 */
const ISOLATED = [
  "test/*.test.ts",
  "test/{components,scripts,toolchain}/**/*.test.ts",
  "test/lab/clouds/cloudflare-connector.test.ts",
  "test/lab/plugins/refusals.test.ts",
  "test/attach/proxy.test.ts",
  "test/operate/plugins.test.ts",
  "test/operate/runner.test.ts",
  "test/operate/forge/{cloudflared,drift}.test.ts",
];

const unit = (name: string, options: { include: string[]; exclude?: string[]; isolate?: boolean }) => ({
  test: {
    name,
    ...options,
    // More than the two cores that a small machine has: much of it waits for processes and connections.
    maxWorkers: 3,
    testTimeout: MINUTE,
    hookTimeout: MINUTE,
  },
});

export default defineConfig({
  test: {
    reporters: ["default"],
    projects: [
      unit("unit", {
        include: ["test/**/*.test.ts"],
        exclude: ["test/suites/**", ...ISOLATED],
        isolate: false,
      }),
      unit("unit-isolated", { include: ISOLATED }),
      // The chain from the terminal to the container, real but for Cloudflare.
      onPlatform("attach", ["test/suites/attach/**/*.test.ts"]),
      onPlatform("panel", ["test/suites/panel/**/*.test.ts"]),
      onPlatform("local", ["test/suites/local/**/*.test.ts"]),
      // What a hostile repository, agent, page or neighbour tries.
      onPlatform("security", ["test/suites/security/**/*.test.ts"]),
      // Both majors beside each other, and what differs between them once more on 2.x: a fork's build of it, which only this suite knows.
      onPlatform("opencode", ["test/suites/opencode/**/*.test.ts", ...ON_BOTH_MAJORS], { env: SECOND_MAJOR }),
      // What people do in a project: its tools and settings, and what they look at of it.
      onPlatform("workspace", ["test/suites/workspace/**/*.test.ts"]),
      // Idle projects, and what the keeper does with them and with sick ones; how the machine is shared.
      onPlatform("sleep", ["test/suites/sleep/**/*.test.ts"]),
      // A project's files as a whole: checkpoints, roll-back, fork, backup and restore.
      onPlatform("lifecycle", ["test/suites/lifecycle/**/*.test.ts"]),
      // Slower and rarer; scripts/lib/suites.ts says when a file is left out.
      onPlatform("nightly", ["test/suites/nightly/**/*.test.ts"], {
        exclude: OFFICIAL_PLUGINS ? [] : ["**/kinds.test.ts"],
      }),
      // On 2.x: of git, only that a server that waits is told of a clone differs; sleepers differ in what their pages and clients ask.
      onPlatform(
        "nightly-2",
        ["test/suites/local/git.test.ts", "test/suites/sleep/{sleep,people,healing}.test.ts"],
        { env: SECOND_MAJOR },
      ),
      {
        // In one run after the other: the first that fails says why the rest does.
        test: {
          name: "production",
          include: ["test/suites/production/**/*.test.ts"],
          fileParallelism: false,
          pool: "forks",
          testTimeout: 20 * MINUTE,
          hookTimeout: 25 * MINUTE,
          teardownTimeout: 2 * MINUTE,
        },
      },
    ],
  },
});
