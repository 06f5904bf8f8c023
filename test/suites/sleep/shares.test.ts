/** What a project can take of the disk: in each place where it can write, on a real btrfs. A loop device is the volume. */
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { hardenedOptions, TMPFS } from "../../../components/host/container.ts";
import { limitSpace } from "../../../components/host/space.ts";
import { DISK_LINE, SPACE_PROGRAM } from "../../../components/host/space-program.ts";
import { makeOwnedDirectory } from "../../../components/host/users.ts";
import { ENABLE_QUOTAS } from "../../../components/host/volume.ts";
import { diskWeight, shareOptions } from "../../../components/project/share-options.ts";
import {
  DROPLET_WORKSPACES_DIR,
  PROJECT_LABEL,
  SPACE_FILE,
  workspaceDirectories,
} from "../../../config/naming/names.ts";
import { BASE_IMAGE } from "../../../config/versions.ts";
import { asideName } from "../../../operate/workspaces/names.ts";
import { deleteScript, moveScript, resetHomeScript } from "../../../operate/workspaces/scripts.ts";
import { docker, shellIn } from "../../support/docker.ts";
import { must, run } from "../../support/run.ts";
import { removeFolder, temporaryFolder } from "../../support/temporary.ts";
import { waitFor } from "../../support/wait.ts";

const MIB = 2 ** 20;
const folder = temporaryFolder();
const root = join(folder, "workspaces");
const user = { uid: 700_000_001, gid: 1000 };
const NEIGHBOUR = { uid: 700_000_002, gid: 1000 };
const container = `oc-shares-${process.pid}`;
/** Whose label the program on a droplet looks for: no other project of this machine has it. */
const PROJECT = `shares-${process.pid}`;

const sh = (script: string) => must("sh", ["-c", script]);
const directories = (project: string) => workspaceDirectories(root, project);

/** A project's directories as an update makes them. */
async function make(project: string, owner: typeof user, mib: number): Promise<void> {
  const paths = Object.values(directories(project));
  const own = paths.map((path) => makeOwnedDirectory(path, owner));
  await sh(
    ["set -eu", ...[limitSpace(root, paths, mib * MIB), ...own].map((each) => `{ ${each}; } || exit`)].join(
      "\n",
    ),
  );
}

/** A script of a droplet, for these workspaces. */
const here = (script: string) => script.replaceAll(DROPLET_WORKSPACES_DIR, root);

/** What the project's group has used and may use. */
async function group(project: string): Promise<{ used: number; limit: number }> {
  await sh(`sync -f ${root}`);
  const { stdout: id } = await must("btrfs", ["inspect-internal", "rootid", directories(project).workspace]);
  const { stdout } = await must("btrfs", ["qgroup", "show", "-r", "--raw", root]);
  const [, used, , limit] =
    stdout
      .split("\n")
      .find((line) => line.startsWith(`1/${id.trim()} `))
      ?.split(/\s+/) ?? [];
  return { used: Number(used), limit: Number(limit) };
}

const subvolumes = async () =>
  (await must("btrfs", ["subvolume", "list", root])).stdout
    .split("\n")
    .flatMap((line) => / path (.*)$/.exec(line)?.[1] ?? [])
    .sort();

beforeAll(async () => {
  if ((await run("sh", ["-c", "command -v mkfs.btrfs"])).code !== 0)
    await must("apt-get", ["install", "-y", "-q", "btrfs-progs"]);
  // Projects' users are on their way through it.
  chmodSync(folder, 0o755);
  const image = join(folder, "volume.img");
  writeFileSync(image, "");
  truncateSync(image, 2048 * MIB);
  mkdirSync(root);
  await must("mkfs.btrfs", ["-q", image]);
  await must("mount", ["-o", "loop,noatime,nodev,nosuid", image, root]);
  await sh(here(`set -eu\n${ENABLE_QUOTAS}\nquotas`));
  await make(PROJECT, user, 200);
  await make("neighbour", NEIGHBOUR, 200);
  const { workspace, home } = directories(PROJECT);
  const { logDriver, logOpts } = hardenedOptions;
  await must("docker", [
    ...["run", "--detach", "--init", "--name", container, "--label", `${PROJECT_LABEL}=${PROJECT}`],
    ...["--user", `${user.uid}:${user.gid}`, "--cap-drop", "ALL", "--security-opt", "no-new-privileges"],
    ...["--network", "none", "--tmpfs", `/tmp:${TMPFS}`, "--log-driver", logDriver],
    ...Object.entries(logOpts).flatMap(([key, value]) => ["--log-opt", `${key}=${value}`]),
    ...["--volume", `${workspace}:/workspace`, "--volume", `${home}:/home/opencode`],
    ...[
      BASE_IMAGE,
      "sh",
      "-c",
      "while :; do read -r n < /workspace/say && head -c \"$n\" /dev/zero | tr '\\0' x; done",
    ],
  ]);
});

afterAll(async () => {
  await run("docker", ["rm", "--force", container]);
  await run("umount", [root]);
  removeFolder(folder);
});

describe("a project that fills what it can write to", () => {
  it.each(["/workspace", "/home/opencode"])("is stopped in %s by its limit", async (place) => {
    const { code, stderr } = await shellIn(container, `fallocate -l 250M ${place}/big`);
    expect([code, stderr]).toEqual([1, expect.stringContaining("Disk quota exceeded")]);
    await shellIn(container, `rm -f ${place}/big`);
  });

  it("is stopped by what both hold together, and writes again once it has removed something", async () => {
    const write = (path: string, mib: number) =>
      shellIn(container, `dd if=/dev/zero of=${path} bs=1M count=${mib} status=none`);
    expect((await write("/workspace/one", 120)).code).toBe(0);
    const second = await write("/home/opencode/two", 120);
    expect([second.code, second.stderr]).toEqual([1, expect.stringContaining("Disk quota exceeded")]);
    const { used, limit } = await group(PROJECT);
    expect(limit).toBe(200 * MIB);
    expect(used).toBeLessThanOrEqual(limit);
    expect(used).toBeGreaterThan(195 * MIB);
    expect((await shellIn(container, "rm /workspace/one /home/opencode/two")).code).toBe(0);
    await sh(`sync -f ${root}`);
    expect((await write("/workspace/one", 120)).code).toBe(0);
  });

  it("leaves its neighbour what is the neighbour's", async () => {
    const { workspace } = directories("neighbour");
    const write = `dd if=/dev/zero of=${workspace}/mine bs=1M count=150 status=none`;
    await must("setpriv", [`--reuid=${NEIGHBOUR.uid}`, "--regid=1000", "--clear-groups", "sh", "-c", write]);
    expect((await group("neighbour")).used).toBeGreaterThan(149 * MIB);
  });

  it("finds no room in a subvolume of its own", async () => {
    const script = `btrfs subvolume create ${directories(PROJECT).workspace}/nested && fallocate -l 250M ${directories(PROJECT).workspace}/nested/big`;
    // A kernel without simple quotas counts it once the droplet's program has looked.
    const features = "/sys/fs/btrfs/features/simple_quota";
    expect(existsSync(features)).toBe(true);
    const { code, stderr } = await run("setpriv", [
      ...[`--reuid=${user.uid}`, "--regid=1000", "--clear-groups", "sh", "-c", script],
    ]);
    expect([code, stderr]).toEqual([1, expect.stringContaining("Disk quota exceeded")]);
  });

  it("is stopped in /tmp by its size", async () => {
    const { code, stderr } = await shellIn(container, "fallocate -l 2G /tmp/big");
    expect([code, stderr]).toEqual([1, expect.stringContaining("No space left on device")]);
  });

  it("keeps no more than 30 MB of a log", async () => {
    const { LogPath } = (await docker.getContainer(container).inspect()) as unknown as { LogPath: string };
    const logs = () => readdirSync(dirname(LogPath)).filter((name) => name.includes("-json.log"));
    await shellIn(container, `mkfifo /workspace/say 2>/dev/null; head -c 0 /dev/null`);
    // Each is read once the one before has been written.
    for (const _ of "sevenfold")
      await shellIn(container, "timeout 20 sh -c 'echo 15000000 > /workspace/say'");
    await waitFor("three files of 10 MB", () => {
      const sizes = logs().map(
        (name) => statSync(join(dirname(LogPath), name), { throwIfNoEntry: false })?.size ?? 0,
      );
      const isKept = sizes.length === 3 && sizes.reduce((sum, size) => sum + size, 0) < 32_000_000;
      return isKept ? { done: true } : { seen: sizes.join() };
    });
  });
});

describe("a project whose disk is nearly full", () => {
  const look = () => sh(here(SPACE_PROGRAM));
  const line = async () => (await run("docker", ["exec", container, "cat", DISK_LINE])).stdout;
  const fill = (mib: number) =>
    shellIn(
      container,
      `rm -f /workspace/*; dd if=/dev/zero of=/workspace/one bs=1M count=${mib} status=none; sync -f /workspace`,
    );

  it("is told so from 80 % and from 95 %, and no longer once there is room; whoever shows it has the figures", async () => {
    await must("docker", ["exec", "--user", "0", container, "mkdir", "-p", dirname(DISK_LINE)]);
    await fill(162);
    await look();
    expect(await line()).toMatch(/^disk nearly full: 8\d% of 0\.2 GiB$/);
    await fill(194);
    await look();
    expect(await line()).toMatch(/^disk almost full: 9\d% of 0\.2 GiB$/);
    const figures = () =>
      JSON.parse(readFileSync(join(root, ".data", SPACE_FILE), "utf8")) as { projects: object };
    expect(figures().projects).toMatchObject({
      [PROJECT]: { limit: 200 * MIB },
      neighbour: { limit: 200 * MIB },
    });
    await fill(20);
    await look();
    expect(await line()).toBe("");
  });

  it("gets more by an update, while it runs", async () => {
    await make(PROJECT, user, 400);
    expect((await fill(300)).code).toBe(0);
    expect((await group(PROJECT)).limit).toBe(400 * MIB);
    const { State } = await docker.getContainer(container).inspect();
    expect(State.Running).toBe(true);
  });
});

describe("a project's weight", () => {
  it("is of the processors, and of the disk where the kernel has that", async () => {
    const { cpuShares } = shareOptions({ weight: 300 }).args;
    await must("docker", ["update", "--cpu-shares", String(cpuShares), container]);
    const shares = "cat /sys/fs/cgroup/cpu.weight /sys/fs/cgroup/cpu/cpu.shares 2>/dev/null";
    // Version 2 has a scale of its own, on which 3072 of 1024 is 117 of 39.
    expect(["3072", "117"]).toContain((await shellIn(container, shares)).stdout.trim());
    expect((await run("sh", ["-c", diskWeight(container, { weight: 300 }) ?? ""])).code).toBe(0);
  });
});

describe("what a removed project leaves behind", () => {
  const aside = asideName("neighbour", new Date(0));

  it("keeps its own limit when it is set aside, and the next of the name begins with nothing", async () => {
    await sh(moveScript(root, "neighbour", aside));
    await make("neighbour", NEIGHBOUR, 100);
    const { used, limit } = await group("neighbour");
    expect(limit).toBe(100 * MIB);
    expect(used).toBeLessThan(MIB);
  });

  it("is deleted by whoever may write there, subvolumes and all", async () => {
    expect(await subvolumes()).toContain(aside);
    const withoutAdmin = ["--bounding-set=-sys_admin", "--inh-caps=-sys_admin"];
    await must("setpriv", [...withoutAdmin, "sh", "-c", deleteScript(root, aside)]);
    expect((await subvolumes()).filter((path) => path.includes("removed"))).toEqual([]);
  });

  it("is a home of the same kind where one is begun anew", async () => {
    await sh(resetHomeScript(root, "neighbour", asideName("neighbour", new Date(1e12))));
    expect(await subvolumes()).toContain(".data/neighbour");
    const { home } = directories("neighbour");
    const write = await run("setpriv", [
      ...[
        `--reuid=${NEIGHBOUR.uid}`,
        "--regid=1000",
        "--clear-groups",
        "fallocate",
        "-l",
        "150M",
        `${home}/big`,
      ],
    ]);
    expect([write.code, write.stderr]).toEqual([1, expect.stringContaining("Disk quota exceeded")]);
  });
});
