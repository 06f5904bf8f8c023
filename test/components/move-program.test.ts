/** The move of a volume to btrfs, killed at each of its steps: a real shell, and stand-ins for the file systems. */
import { spawnSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { MOVE_PROGRAM } from "../../components/host/move-program.ts";
import { DROPLET_WORKSPACES_DIR } from "../../config/naming/names.ts";

let folder = "";
const at = (...parts: string[]) => join(folder, ...parts);
const read = (...parts: string[]) => (existsSync(at(...parts)) ? readFileSync(at(...parts), "utf8") : "");

/** Counts the step, and kills the program at the one that is in `kill-at`. */
const STEP = `n=$(($(cat steps) + 1)); echo $n > steps; [ $n != "$(cat kill-at)" ] || { kill -9 $PPID; exit 1; }`;
const pass = (name: string) => `PATH=$REAL; exec ${name} "$@"`;
const STAND_INS: Record<string, string> = {
  findmnt: `case "$*" in *FSTYPE*) cat type ;; *) echo device ;; esac`,
  blkid: "cat type",
  "btrfs-convert": `${STEP}; echo btrfs > type; mkdir volume/ext2_saved`,
  e2fsck: STEP,
  systemctl: `echo "systemctl $*" >> calls; ${STEP}`,
  docker: `PATH=$REAL; echo "docker $*" >> calls; case "$*" in "ps --quiet") [ ! -e up ] || echo one ;; stop*) rm up ;; start*) touch up ;; esac`,
  btrfs: `${STEP}; PATH=$REAL; for last; do :; done; case "$2" in create) mkdir "$last"; touch "$last/.subvolume" ;; delete) rm -r "$last" ;; esac`,
  stat: `for last; do :; done; case "$1" in -f) echo ext2 ;; *) [ -e "$last/.subvolume" ] && echo 256 || echo 300 ;; esac`,
  df: `printf 'Filesystem\\n/dev/vda 9000000 0 9000000 0 /\\n'`,
  sed: ":",
  cp: `${STEP}; ${pass("cp")}`,
  mv: `${STEP}; ${pass("mv")}`,
  // Killed when a part is gone.
  rm: `case "$2" in *.before) PATH=$REAL; command rm -f "$2/a" ;; esac; ${STEP}; ${pass("rm")}`,
};

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "move-"));
  for (const path of ["bin", "volume/shop", "volume/.data/shop", "volume/.services/shop"])
    mkdirSync(at(path), { recursive: true });
  for (const path of ["volume/shop", "volume/.data/shop", "volume/.services/shop"])
    for (const file of ["a", "b"]) writeFileSync(at(path, file), `${path} ${file}`);
  for (const [name, body] of Object.entries(STAND_INS)) {
    writeFileSync(at("bin", name), `#!/bin/sh\ncd ${folder}\n${body}\n`);
    chmodSync(at("bin", name), 0o755);
  }
  writeFileSync(at("type"), "ext4\n");
  writeFileSync(at("up"), "");
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function run(killAt: number) {
  writeFileSync(at("steps"), "0");
  writeFileSync(at("kill-at"), String(killAt));
  writeFileSync(at("calls"), "");
  const real = process.env.PATH ?? "";
  const env = { ...process.env, REAL: real, PATH: `${at("bin")}:${real}` };
  const script = MOVE_PROGRAM.replaceAll(DROPLET_WORKSPACES_DIR, at("volume"));
  return spawnSync("/bin/sh", ["-c", script], { encoding: "utf8", env });
}

function expectMoved(): void {
  for (const path of ["volume/shop", "volume/.data/shop", "volume/.services/shop"]) {
    expect(readdirSync(at(path)).sort()).toEqual([".subvolume", "a", "b"]);
    expect(read(path, "b")).toBe(`${path} b`);
  }
  expect(readdirSync(at("volume")).sort()).toEqual([".data", ".services", "shop"]);
  expect(read("calls")).toContain("docker start one");
}

it("moves each directory, and starts what ran", () => {
  const { status, stderr } = run(0);
  expect([status, stderr]).toEqual([0, ""]);
  expectMoved();
  expect(Number(read("steps"))).toBe(STEPS + 1);
  expect(run(0).stderr).toBe("The volume is not ext4. Nothing has been changed.\n");
});

/** All but the last, which takes away what it notes. */
const STEPS = 28;
it.each(Array.from({ length: STEPS }, (_, index) => index + 1))(
  "killed at step %i, it has started nothing, and goes on from there",
  (step) => {
    const killed = run(step);
    expect(killed.signal).toBe("SIGKILL");
    expect(read("calls")).not.toContain("docker start");
    const { status, stderr } = run(0);
    expect([status, stderr]).toEqual([0, ""]);
    expectMoved();
  },
);
