/** What `npm run down` says that it keeps. */
import { expect, it } from "vitest";
import { keptLines } from "../../scripts/lib/kept.ts";

const ALWAYS = { workspaces: "/w", state: "/c/.state", toolchain: "/c/.toolchain" };

it("names the checkpoints where there are any, and the tests' image", () => {
  const all = keptLines({ ...ALWAYS, storage: "/w/.storage", dropletImage: "droplet" }).join("\n");
  expect(all).toMatch(/^ {2}checkpoints {8}\/w\/\.storage {3}.*npm run purge.*btrfs subvolume delete/m);
  expect(all).toContain("droplet   docker image rm");
  const least = keptLines(ALWAYS);
  expect(least).toHaveLength(4);
  expect(least.join("\n")).not.toContain(".storage");
});
