/** Checkpoints of what was purged while no storage program runs. */
import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { removePurgedCheckpoints } from "../../../operate/storage/purged.ts";
import type { WorkspacesPlace } from "../../../operate/workspaces/place.ts";
import { exec } from "../../../toolchain/lib/exec.ts";
import { FakeStorage } from "../../support/storage.ts";
import { removeFolder, temporaryFolder } from "../../support/temporary.ts";

const ASIDE = "shop.removed-20261129T221757Z";
let folder: string;
const at = (...parts: string[]) => join(folder, "it's here", ...parts);
const OF_SHOP = [".storage", "checkpoints", "shop"] as const;

/** @param before shell commands that stand in for the host's */
const place = (before = ""): WorkspacesPlace => ({
  directory: at(),
  host: "this machine",
  stackFlag: "",
  run: (script, timeoutMs) => exec("sh", ["-c", `${before}\n${script}`], { timeoutMs }),
  docker: async () => ({ code: 0, stdout: "", stderr: "" }),
});

function storage(kind?: "missing" | "silent"): FakeStorage {
  const made = new FakeStorage();
  if (kind) made.status = async () => ({ kind, reason: "it is down" });
  return made;
}
function write(path: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, "text");
}

beforeEach(() => {
  folder = temporaryFolder();
  for (const name of ["shop", "shop-2"])
    for (const id of ["20261130-031200", "20261130-041200"]) {
      write(at(".storage/checkpoints", name, id, "meta.json"));
      write(at(".storage/checkpoints", name, id, "workspace/src/a.ts"));
    }
  write(at("shop-2", "src/a.ts"));
});
afterEach(() => {
  expect(readdirSync(at(".storage/checkpoints/shop-2"))).toHaveLength(2);
  removeFolder(folder);
});

it.each(["shop", ASIDE])("go with the last of its files: %s", async (name) => {
  expect(await removePurgedCheckpoints(place(), storage("missing"), name)).toBeUndefined();
  expect(readdirSync(at(".storage/checkpoints"))).toEqual(["shop-2"]);
  expect(readdirSync(at(".storage/work"))).toEqual([]);
});

it.each([
  ["a new project of its name has files", "shop/a"],
  ["a new project of its name has a home", ".data/shop/a"],
  ["services of its name have files", ".services/shop/db/a"],
  ["something is set aside that can be put back", `.data/${ASIDE}/a`],
  ["a replacement of its files is unfinished", ".storage/journal/shop.json"],
])("stay while %s", async (_, path) => {
  write(at(path));
  expect(await removePurgedCheckpoints(place(), storage("missing"), ASIDE)).toBeUndefined();
  expect(readdirSync(at(...OF_SHOP))).toHaveLength(2);
});

it.each([undefined, "silent"] as const)("are the storage program's where it runs: %s", async (kind) => {
  const run = vi.fn();
  expect(await removePurgedCheckpoints({ ...place(), run }, storage(kind), "shop")).toBeUndefined();
  expect(run).not.toHaveBeenCalled();
});

it("there are none where there never was a storage program", async () => {
  const empty = { ...place(), directory: at("shop-2") };
  expect(await removePurgedCheckpoints(empty, storage("missing"), "shop")).toBeUndefined();
});

it("are named with what removes them if this user can't, and are no checkpoint without its description then", async () => {
  const said = await removePurgedCheckpoints(place("rm() { return 1; }"), storage("missing"), "shop");
  const gone = at(".storage/work/shop/purged");
  expect(said).toContain(`is still in ${gone} on this machine`);
  expect(said).toContain(`sudo rm -rf '${gone.replace("'", "'\\''")}'`);
  expect([existsSync(gone), existsSync(at(...OF_SHOP))]).toEqual([true, false]);
  expect(await removePurgedCheckpoints(place(), storage("missing"), "shop")).toBeUndefined();
  expect(existsSync(gone)).toBe(false);
});

it("are named where this user may not look, or the host says nothing", async () => {
  const hidden: WorkspacesPlace = {
    ...place(),
    run: (script, timeoutMs) => exec("sh", ["-c", script.replace("[ -x ", "[ ! -x ")], { timeoutMs }),
  };
  const silent = { ...place(), run: async () => ({ code: null, stdout: "", stderr: "" }) };
  for (const each of [hidden, silent])
    expect(await removePurgedCheckpoints(each, storage("missing"), "shop")).toContain(
      `is still in ${at(...OF_SHOP)} on this machine`,
    );
  expect(readdirSync(at(...OF_SHOP))).toHaveLength(2);
});

it("on btrfs are removed as subvolumes, which are read-only", async () => {
  const log = at("log");
  const btrfs = `stat() { case "$2" in -c) echo btrfs;; *) case "\${5:-$4}" in */workspace) echo 256;; *) echo 1;; esac;; esac; }
btrfs() { printf '%s\\n' "$2 \${3##*/purged/}" >>"${log}"; rm -rf -- "$3"; }`;
  expect(await removePurgedCheckpoints(place(btrfs), storage("missing"), "shop")).toBeUndefined();
  expect(existsSync(at(...OF_SHOP))).toBe(false);
  const said = await exec("cat", [log], { timeoutMs: 5000 });
  expect(said.stdout.split("\n").filter(Boolean)).toEqual([
    "delete 20261130-031200/workspace",
    "delete 20261130-041200/workspace",
  ]);
});
