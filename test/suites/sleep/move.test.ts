/** A volume of a release up to 0.2 becomes btrfs, by the program that a droplet has for it. A loop device is the volume. */
import { mkdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { MOVE_PROGRAM } from "../../../components/host/move-program.ts";
import { DROPLET_WORKSPACES_DIR } from "../../../config/naming/names.ts";
import { must, run } from "../../support/run.ts";
import { removeFolder, temporaryFolder } from "../../support/temporary.ts";

const MIB = 2 ** 20;
const folder = temporaryFolder();
const sh = (script: string) => must("sh", ["-c", script]);

describe("a volume of an older release", () => {
  const old = join(folder, "old");
  const image = join(folder, "old.img");
  const bin = join(folder, "bin");

  /** A droplet's systemd and Docker, as far as the program uses them. */
  function pretend(): void {
    mkdirSync(bin);
    const systemctl = `case "$*" in "stop workspaces.mount") umount ${old} ;; "start workspaces.mount") mountpoint -q ${old} || mount -o loop ${image} ${old} ;; esac`;
    const docker = `case "$*" in "ps --quiet") echo one ;; esac`;
    for (const [name, body] of Object.entries({ systemctl, docker })) {
      const script = `#!/bin/sh\necho "${name} $*" >> ${folder}/calls\n${body}\n`;
      writeFileSync(join(bin, name), script, { mode: 0o755 });
    }
    writeFileSync(join(folder, "mount-unit"), "[Mount]\nWhere=/workspaces\nType=ext4\n");
  }
  const program = (script: string) =>
    script
      .replaceAll("/etc/systemd/system/workspaces.mount", join(folder, "mount-unit"))
      .replaceAll(DROPLET_WORKSPACES_DIR, old)
      // The loop device is another once it is mounted again.
      .replaceAll("device=$(findmnt", `device=${image} #`);
  const move = () =>
    run("sh", ["-c", program(MOVE_PROGRAM)], { env: { ...process.env, PATH: `${bin}:${process.env.PATH}` } });

  beforeAll(async () => {
    if ((await run("sh", ["-c", "command -v btrfs-convert"])).code !== 0)
      await must("apt-get", ["install", "-y", "-q", "btrfs-progs"]);
    writeFileSync(image, "");
    truncateSync(image, 2048 * MIB);
    mkdirSync(old);
    await must("mkfs.ext4", ["-q", "-F", image]);
    await must("mount", ["-o", "loop", image, old]);
    for (const path of ["shop", ".data/shop", ".services/shop", ".panel"])
      mkdirSync(join(old, path), { recursive: true });
    await sh(
      `dd if=/dev/urandom of=${old}/shop/data bs=1M count=50 status=none; ln -s data ${old}/shop/link`,
    );
    await sh(`chown -hR 1000:1000 ${old}/shop ${old}/.data/shop`);
    pretend();
  });
  afterAll(async () => {
    await run("umount", [old]);
    removeFolder(folder);
  });

  const sum = async () => (await sh(`sha256sum ${old}/shop/link && stat -c '%u %g %a' ${old}/shop`)).stdout;
  let before = "";

  it("keeps what is on it where the move ends in the middle, and no container starts", async () => {
    before = await sum();
    // Between the two renames, by which the first directory is in neither place for a moment.
    const kill = `#!/bin/sh\ncase "$1" in *.new) kill -9 $PPID ;; *) exec ${(await sh("command -v mv")).stdout.trim()} "$@" ;; esac\n`;
    writeFileSync(join(bin, "mv"), kill, { mode: 0o755 });
    expect((await move()).code).not.toBe(0);
    rmSync(join(bin, "mv"));
    writeFileSync(join(bin, "cp"), "#!/bin/sh\necho 'No space left on device' >&2; exit 1\n", {
      mode: 0o755,
    });
    const full = await move();
    rmSync(join(bin, "cp"));
    expect([full.code, full.stderr]).toEqual([1, expect.stringContaining("Run it again")]);
    expect(readFileSync(join(folder, "calls"), "utf8")).not.toContain("docker start");
  });

  it("is moved to btrfs with what is on it, and its projects' directories then count", async () => {
    const moved = await move();
    expect(moved.code, moved.output).toBe(0);
    expect(await sum()).toBe(before);
    const { stdout } = await must("btrfs", ["subvolume", "list", old]);
    expect([...stdout.matchAll(/ path (.*)$/gm)].map(([, path]) => path).sort()).toEqual([
      ".data/shop",
      ".services/shop",
      "shop",
    ]);
    expect((await sh(`ls -A ${old} ${old}/.data ${old}/.services`)).stdout).not.toMatch(
      /new|before|ext2_saved|move/,
    );
    expect(readFileSync(join(folder, "mount-unit"), "utf8")).not.toContain("Type=");
    const calls = readFileSync(join(folder, "calls"), "utf8").split("\n");
    expect(calls).toContain("docker stop --time 10 one");
    expect(calls.indexOf("docker start one")).toBeGreaterThan(
      calls.indexOf("systemctl stop workspaces.mount"),
    );
  });

  it("is left alone when it is one already", async () => {
    const again = await move();
    expect([again.code, again.stderr]).toEqual([1, "The volume is not ext4. Nothing has been changed.\n"]);
  });
});
