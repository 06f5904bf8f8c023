/** Checkpoints, roll-back and fork: on a real btrfs, with the program killed at any moment; and of a project that people use, with the keeper. */
import {
  chmodSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statfsSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { createServer, type Server } from "node:http";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { limitSpace } from "../../../components/host/space.ts";
import { ENABLE_QUOTAS } from "../../../components/host/volume.ts";
import { DROPLET_WORKSPACES_DIR } from "../../../config/naming/names.ts";
import { docker, execIn, shellIn } from "../../support/docker.ts";
import { fill, makeStorageWorld, partPath, putProject, words } from "../../support/opencode/storage-world.ts";
import { Platform } from "../../support/platform.ts";
import { answering } from "../../support/ready.ts";
import { must, run } from "../../support/run.ts";
import { removeFolder, temporaryFolder } from "../../support/temporary.ts";
import { waitFor } from "../../support/wait.ts";

const GIB = 2 ** 30;
const MIB = 2 ** 20;
const ASK = "/usr/local/lib/opencode-platform/storage/ask";
const platform = new Platform();

/** Asks a storage container. @returns its last line */
async function ask(container: string, verb: string, argument: object): Promise<Record<string, unknown>> {
  const { code, stdout, output } = await execIn(container, [ASK, verb, JSON.stringify(argument)]);
  const last = JSON.parse(stdout.trim().split("\n").at(-1) || "{}");
  if (code !== 0) throw new Error(`${verb} ended with ${code}: ${output}`);
  return last.result;
}

const isServing = (container: string) =>
  waitFor(`${container} to serve`, async () => {
    const { code, output } = await execIn(container, [ASK, "status"]);
    return code === 0 ? { done: true } : { seen: output };
  });

describe("on btrfs", () => {
  const folder = temporaryFolder();
  const world = makeStorageWorld(folder);
  const { root, keeper } = world;
  const container = `oc-lifecycle-${process.pid}`;
  const [uid, gid] = [700_000_001, 1000];
  const [PROJECT, COPY] = ["web", "web-try"];
  const btrfs = async (...args: string[]) => (await must("btrfs", args)).stdout.trim();
  const ALL = (word: string) => [word, word, word];
  let server: Server;

  /** A project's parts as an update makes them; each volume of its services may be a subvolume of its own. */
  async function make(project: string, limit: number): Promise<void> {
    const parts = ["workspace", "home", "services"].map((part) => partPath(world, project, part));
    await must("sh", ["-c", `mkdir -p ${root}/.services && ${limitSpace(root, parts, limit)}`]);
    await btrfs("subvolume", "create", join(partPath(world, project, "services"), "db"));
    fill(world, project, "first");
    await must("chown", ["-R", `${uid}:${gid}`, ...parts.slice(0, 2)]);
  }

  /** The storage container as the program declares it, with these workspaces and a keeper that is a stand-in. */
  async function start(): Promise<void> {
    const { Config, HostConfig, Image } = await docker.getContainer(platform.names.storage).inspect();
    const [entrypoint = "", ...options] = [...(Config.Entrypoint ?? []), ...(Config.Cmd ?? [])].map(String);
    await must("docker", [
      ...[
        "run",
        "--detach",
        "--name",
        container,
        "--init",
        "--user",
        "0:0",
        "--read-only",
        "--network",
        "none",
      ],
      ...["--memory", "512m", "--cap-drop", "ALL", "--security-opt", "no-new-privileges"],
      ...(HostConfig.CapAdd ?? []).flatMap((each: string) => ["--cap-add", each]),
      ...Object.entries(HostConfig.Tmpfs ?? {}).flatMap(([path, how]) => ["--tmpfs", `${path}:${how}`]),
      ...["--volume", `${root}:/workspaces`, "--volume", `${world.projectsDir}:/run/storage/projects:ro`],
      ...["--volume", `${join(folder, "keeper")}:/run/keeper/storage`],
      ...["--entrypoint", entrypoint, Image, ...options],
    ]);
    await isServing(container);
  }

  async function killed(): Promise<void> {
    await docker.getContainer(container).kill();
    await docker.getContainer(container).start();
    await isServing(container);
  }

  beforeAll(async () => {
    if ((await run("sh", ["-c", "command -v mkfs.btrfs"])).code !== 0)
      await must("apt-get", ["install", "-y", "-q", "btrfs-progs"]);
    const image = join(folder, "volume.img");
    writeFileSync(image, "");
    truncateSync(image, 8 * GIB);
    await must("mkfs.btrfs", ["-q", image]);
    await must("mount", ["-o", "loop,noatime,nodev,nosuid", image, root]);
    await must("sh", ["-c", `set -eu\n${ENABLE_QUOTAS}\nquotas`.replaceAll(DROPLET_WORKSPACES_DIR, root)]);
    mkdirSync(join(folder, "keeper"));
    // The project's user is on its way through it.
    chmodSync(folder, 0o755);
    server = createServer(async (request, response) => {
      const { status, body } = await keeper.ask(request.method ?? "", request.url ?? "");
      response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
    }).listen(join(folder, "keeper/socket"));
    putProject(world, PROJECT, "awake");
    await make(PROJECT, 200 * MIB);
    await start();
  });

  afterAll(async () => {
    await run("docker", ["rm", "--force", "--volumes", container]);
    server?.close();
    await run("umount", [root]);
    removeFolder(folder);
  });

  it("has snapshots, which a checkpoint is, with the subvolumes in it", async () => {
    expect(await ask(container, "status", {})).toMatchObject({ fileSystem: "btrfs", running: [] });
    const workspace = partPath(world, PROJECT, "workspace");
    await btrfs("subvolume", "create", join(workspace, "nested"));
    writeFileSync(join(workspace, "nested/file"), "nested");
    // An agent may call one what it likes.
    await btrfs("subvolume", "create", join(workspace, "odd\nID 1 gen 1 top level 5 path large"));
    const { id } = await ask(container, "checkpoint", { project: PROJECT, label: "good" });
    const kept = join(root, ".storage/checkpoints", PROJECT, String(id));
    expect(readFileSync(join(kept, "workspace/nested/file"), "utf8")).toBe("nested");
    expect(readFileSync(join(kept, "services/db/file"), "utf8")).toBe("first");
    for (const path of ["workspace", "workspace/nested", "home", "services", "services/db"])
      expect(await btrfs("property", "get", "-ts", join(kept, path), "ro")).toBe("ro=true");
  });

  it("brings back everything that was broken, with the limit of the disk", async () => {
    const workspace = partPath(world, PROJECT, "workspace");
    await must("sh", ["-c", `rm -rf ${workspace}/* ${partPath(world, PROJECT, "home")}/*`]);
    writeFileSync(join(partPath(world, PROJECT, "services"), "db/file"), "broken");
    await ask(container, "rollback", { project: PROJECT, id: "good" });
    expect(words(world, PROJECT)).toEqual(ALL("first"));
    expect(readFileSync(join(workspace, "nested/file"), "utf8")).toBe("nested");
    const write = `fallocate -l 250M ${workspace}/big`;
    const { code, stderr } = await run("setpriv", [
      `--reuid=${uid}`,
      `--regid=${gid}`,
      "--clear-groups",
      "sh",
      "-c",
      write,
    ]);
    expect([code, stderr]).toEqual([expect.any(Number), expect.stringContaining("Disk quota exceeded")]);
    expect(readdirSync(join(root, ".storage/work", PROJECT))).toEqual([]);
  });

  it("forks 5 GiB without the room for them, as files of the new project's user", async () => {
    putProject(world, "large", "awake");
    await make("large", 6 * GIB);
    await must("fallocate", ["-l", "5G", join(partPath(world, "large", "workspace"), "big")]);
    await must("sync", ["-f", root]);
    const free = () => statfsSync(root).bfree * statfsSync(root).bsize;
    const before = free();
    const owner = { uid: uid + 1, gid };
    const made = await ask(container, "fork", {
      from: "large",
      to: "large-try",
      ...owner,
      withLogins: false,
    });
    expect(made).toMatchObject({ kind: "snapshot" });
    await must("sync", ["-f", root]);
    expect(before - free()).toBeLessThan(64 * MIB);
    const { stdout } = await must("stat", [
      "-c",
      "%u %s",
      join(partPath(world, "large-try", "workspace"), "big"),
    ]);
    expect(stdout.trim()).toBe(`${owner.uid} ${5 * GIB}`);
  });

  it("has all or nothing of a roll-back or fork in which it was killed", async () => {
    // However fast the machine is, some of these are in the midst of it.
    for (const ms of [100, 300, 450, 600, 750, 900]) {
      fill(world, PROJECT, `word-${ms}`);
      await must("docker", [
        "exec",
        "--detach",
        container,
        ASK,
        "rollback",
        `{"project":"${PROJECT}","id":"good"}`,
      ]);
      const argument = { from: "large", to: COPY, uid: uid + 2, gid, withLogins: true };
      await must("docker", ["exec", "--detach", container, ASK, "fork", JSON.stringify(argument)]);
      await wait(ms);
      await killed();
      expect([ALL(`word-${ms}`), ALL("first")]).toContainEqual(words(world, PROJECT));
      expect([ALL("none"), ALL("first")]).toContainEqual(words(world, COPY));
      expect(readdirSync(join(root, ".storage/work"))).toEqual([]);
      expect([...keeper.leases.values()].filter(({ kind }) => kind === "park")).toEqual([]);
      for (const part of ["workspace", "home", "services"])
        await must("sh", ["-c", `rm -rf ${partPath(world, COPY, part)}`]);
      keeper.leases.clear();
    }
    await ask(container, "rollback", { project: PROJECT, id: "good" });
    expect(words(world, PROJECT)).toEqual(ALL("first"));
  });

  it("drops a checkpoint with its subvolumes", async () => {
    await ask(container, "drop", { project: PROJECT, id: "good" });
    const listed = await btrfs("subvolume", "list", root);
    const all = (await ask(container, "checkpoints", { project: PROJECT })) as unknown as { id: string }[];
    const paths = listed.split("\n").filter((line) => line.includes(`.storage/checkpoints/${PROJECT}/`));
    expect(new Set(paths.map((line) => line.split("/")[3]))).toEqual(new Set(all.map(({ id }) => id)));
  });
});

describe("a project that people use", () => {
  const NAME = "beta";
  const { storage } = platform.names;
  const file = () => join(platform.workspace(NAME), "lifecycle");
  const inContainer = async () =>
    (await shellIn(platform.container(NAME), "cat /workspace/lifecycle ~/lifecycle")).stdout;

  beforeAll(async () => {
    await answering(platform, NAME);
    await shellIn(platform.container(NAME), "echo good > /workspace/lifecycle; echo good > ~/lifecycle");
  });
  afterAll(async () => {
    for (const path of [file(), join(platform.home(NAME), "lifecycle")]) rmSync(path, { force: true });
    for (const { id } of (await ask(storage, "checkpoints", { project: NAME })) as unknown as {
      id: string;
    }[])
      await ask(storage, "drop", { project: NAME, id });
  });

  it("is as it was at its checkpoint, and answers, once it is rolled back", async () => {
    await ask(storage, "checkpoint", { project: NAME, label: "good" });
    await shellIn(
      platform.container(NAME),
      "echo bad > /workspace/lifecycle; rm -rf ~/lifecycle ~/.local/share/opencode",
    );
    expect(await ask(storage, "rollback", { project: NAME, id: "good" })).toMatchObject({
      before: { label: "before-rollback" },
    });
    await answering(platform, NAME);
    expect(await inContainer()).toBe("good\ngood\n");
  });
});
