import { defineConfig } from "vitest/config";

const MINUTE = 60_000;

export default defineConfig({
  test: {
    reporters: ["default"],
    projects: [
      {
        test: { name: "unit", include: ["test/unit/**/*.test.ts"], testTimeout: MINUTE },
      },
      {
        // On a platform of its own, as the local ones: the chain from the terminal to the container is real but for Cloudflare.
        test: {
          name: "attach",
          globalSetup: ["test/e2e/support/global-setup.ts"],
          include: ["test/attach/**/*.test.ts"],
          fileParallelism: false,
          pool: "forks",
          testTimeout: 5 * MINUTE,
          hookTimeout: 15 * MINUTE,
          teardownTimeout: 2 * MINUTE,
        },
      },
      {
        // One file after another: they share the machine's Docker, and each weighs some containers.
        test: {
          name: "local",
          globalSetup: ["test/e2e/support/global-setup.ts"],
          include: ["test/e2e/**/*.test.ts"],
          fileParallelism: false,
          pool: "forks",
          testTimeout: 5 * MINUTE,
          hookTimeout: 15 * MINUTE,
          teardownTimeout: 2 * MINUTE,
        },
      },
      {
        // In one run after the other: the first that fails says why the rest does.
        test: {
          name: "production",
          include: ["test/production/**/*.test.ts"],
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
