/** What doctor says of swap and of limits of disk, on a droplet and on this machine. */
import { spawnSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import type { Project } from "../../config/projects/project.ts";
import { DEFAULT_RESOURCES } from "../../config/projects/resources.ts";
import { sizeOf } from "../../config/text/sizes.ts";
import { formatFinding } from "../../operate/doctor/finding.ts";
import {
  checkLocalDisks,
  dropletSleepFindings,
  LOOK,
  parseSwaps,
  swapFinding,
} from "../../operate/doctor/sleep.ts";

const project = (name: string, more: Partial<Project> = {}) => ({
  name,
  state: "running" as const,
  sleep: { afterMs: 1_800_000, pending: false },
  resources: DEFAULT_RESOURCES,
  ...more,
});
const shop = project("shop");

const SWAPS = `Filename				Type		Size		Used		Priority
/swapfile                               file		2097148		524288		-2
/swapfile-1                             file		6291452		0		-3
`;

describe("doctor on swap", () => {
  it("adds up what there is", () => {
    expect(parseSwaps(SWAPS)).toEqual({ total: 8_388_600, used: 524_288 });
    expect(parseSwaps("Filename\tType\n")).toEqual({ total: 0, used: 0 });
    expect(formatFinding(swapFinding(parseSwaps(SWAPS), "Y\n", [shop], "fix"))).toBe(
      "✓ swap: 0.5 of 8.0 GiB used, zswap on",
    );
  });

  it("says what it means that there is none, if something sleeps", () => {
    const none = { total: 0, used: 0 };
    expect(formatFinding(swapFinding(none, "N", [shop], "set swapSize"))).toBe(
      "· swap: none, so projects that sleep are paused and keep their memory\n    → set swapSize",
    );
    const awake = [project("cron", { sleep: "never" }), project("off", { state: "stopped" })];
    expect(swapFinding(none, undefined, awake, "fix")).toEqual({ verdict: "ok", text: "swap: none" });
  });
});

describe("doctor on a droplet", () => {
  const found = (...lines: string[]) =>
    dropletSleepFindings(`${lines.join("\n")}\n`, [shop], "UP").map(formatFinding);
  const well = ["swap 33554432 1048576", "zswap Y", "filesystem btrfs", "timer active"];

  it("accepts one with all of it", () => {
    expect(found(...well, "quotas squota")).toEqual([
      "✓ swap: 1.0 of 32.0 GiB used, zswap on",
      "✓ disk limits: in force (simple quotas)",
    ]);
  });

  it("says what a volume of an older release lacks, and where it is said how to move", () => {
    expect(found("swap 2097152 0", "zswap N", "filesystem ext2/ext3", "timer active")).toEqual([
      "· swap: 0.0 of 2.0 GiB used, zswap off\n    → UP, or systemctl restart opencode-zswap on the droplet",
      "· disk limits: none, since the volume is not btrfs: one project can fill it\n    → docs/sleep.md",
    ]);
  });

  it("reports quotas that are off, and what they do not hold", () => {
    expect(found(...well)).toEqual([
      expect.any(String),
      "✗ disk limits: not in force, since quotas are off\n    → on the droplet: btrfs quota enable /workspaces, then UP --refresh",
    ]);
    const some = [...well.slice(0, 3), "timer inactive", "quotas qgroup", "inconsistent 1"];
    expect(found(...some, "plain shop", "plain gone", "plain \u001b[31m")).toEqual([
      expect.any(String),
      "· disk limits: quotas that are being counted anew\n    → on the droplet: btrfs quota rescan -w /workspaces",
      "· disk limits: not for shop, whose directories are no subvolumes\n    → docs/sleep.md",
      "✗ disk limits: nobody looks at how full disks are\n    → UP, or systemctl start opencode-space.timer",
    ]);
  });

  it("looks with a script that a shell reads", () => {
    expect(spawnSync("sh", ["-n"], { input: LOOK }).status).toBe(0);
  });
});

describe("doctor on limits of disk on this machine", () => {
  const limited = [project("shop", { resources: { ...DEFAULT_RESOURCES, disk: sizeOf("5GiB") } })];
  const said = (...args: Parameters<typeof checkLocalDisks>) =>
    checkLocalDisks(...args).map(({ text }) => text);

  it("is silent where nobody asks for one, and where root has btrfs", () => {
    expect(said([shop], "/w", { isRoot: false, isBtrfs: () => false })).toEqual([]);
    expect(said(limited, "/w", { isRoot: true, isBtrfs: () => true })).toEqual([]);
  });

  it("says that it has no effect, and why", () => {
    expect(said(limited, "/w", { isRoot: true, isBtrfs: () => false })).toEqual([
      "resources.disk of shop has no effect here: /w is not on btrfs",
    ]);
    expect(said(limited, "/w", { isRoot: false, isBtrfs: () => true })).toEqual([
      "resources.disk of shop has no effect here: only root can hold a project to it",
    ]);
  });
});
