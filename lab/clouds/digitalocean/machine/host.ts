/** Droplets as containers of this machine. */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { DROPLET_IMAGE } from "../../../../config/naming/names.ts";
import type { ExecResult } from "../../../../toolchain/lib/exec.ts";
import type { Address, Machines } from "../machines.ts";
import type { Droplet, Firewall, Snapshot, Volume } from "../world.ts";
import { Disks, removeDisks } from "./disks.ts";
import { copyTemplate, type ImageSource, makeTemplate, NESTED_DOCKER } from "./images.ts";
import type { MachineNames } from "./names.ts";
import { Network, removeNetwork } from "./network.ts";
import { firstFiles, type Surroundings, volumeLines } from "./seed.ts";
import { docker, listed, tryDocker } from "./shell.ts";

/** Major number of loop devices. */
const LOOP = 7;
const SHUTDOWN_SECONDS = 60;

/** Surroundings of a droplet. */
export interface Around {
  /** Images in its Docker. */
  readonly images?: readonly ImageSource[];
  /** Names in its /etc/hosts. */
  readonly hosts?: Readonly<Record<string, string>>;
}

export interface HostOptions {
  readonly names: MachineNames;
  /** Receives this machine's address on the droplets' network. */
  readonly around: (gateway: string) => Promise<Around>;
  readonly metadataPort: number;
}

export class Host implements Machines {
  readonly network: Network;
  readonly #names: MachineNames;
  readonly #disks: Disks;
  readonly #surroundings: Surroundings;
  readonly #addresses = new Map<number, string>();
  /** Volumes attached to each droplet. */
  readonly #attached = new Map<number, Volume[]>();

  private constructor(names: MachineNames, network: Network, surroundings: Surroundings) {
    this.#names = names;
    this.network = network;
    this.#disks = new Disks(names.folder);
    this.#surroundings = surroundings;
  }

  /** Prepares the network and the images, after removing leftovers of a killed run with the same name. */
  static async make(options: HostOptions): Promise<Host> {
    const { names } = options;
    await sweep(names);
    try {
      mkdirSync(names.folder, { recursive: true, mode: 0o700 });
      const network = await Network.make(names, options.metadataPort);
      const { images = [], hosts = {} } = await options.around(network.gateway);
      await makeTemplate(names, images);
      return new Host(names, network, await surroundingsOf(names, hosts));
    } catch (error) {
      await sweep(names);
      throw error;
    }
  }

  async place(droplet: Droplet): Promise<Address> {
    const address = this.network.place();
    this.#addresses.set(droplet.id, address.ip);
    return address;
  }

  async create(droplet: Droplet, volumes: readonly Volume[]): Promise<void> {
    const container = this.#names.container(droplet.id);
    await copyTemplate(this.#names, droplet.id);
    const { label, network } = this.#names;
    const hosts = Object.entries(this.#surroundings.hosts).map(([name, ip]) => `--add-host=${name}:${ip}`);
    const machine = [
      ...["--name", container, "--label", label, "--hostname", hostname(droplet.name)],
      ...["--network", network, "--ip", this.#addresses.get(droplet.id) ?? "", ...hosts],
      ...["--tmpfs", "/run", "--tmpfs", "/run/lock", "--tmpfs", "/tmp", "--stop-signal", "SIGRTMIN+3"],
      ...["--volume", `${this.#names.data(droplet.id)}:/var/lib/docker`],
      ...["--device-cgroup-rule", `b ${LOOP}:* rmw`],
    ];
    await docker("create", ...NESTED_DOCKER, ...machine, DROPLET_IMAGE);
    this.#attached.set(droplet.id, [...volumes]);
    await this.#write(droplet.id, {
      ...firstFiles(droplet, this.#surroundings),
      ...this.#volumes(droplet.id),
    });
    await docker("start", container);
  }

  async powerOn(droplet: Droplet): Promise<void> {
    await docker("start", this.#names.container(droplet.id));
  }

  async powerOff(droplet: Droplet): Promise<void> {
    await docker("kill", this.#names.container(droplet.id));
  }

  async shutdown(droplet: Droplet): Promise<void> {
    await docker("stop", "--time", String(SHUTDOWN_SECONDS), this.#names.container(droplet.id));
  }

  async destroy(dropletId: number): Promise<void> {
    await tryDocker("rm", "--force", "--volumes", this.#names.container(dropletId));
    await tryDocker("volume", "rm", "--force", this.#names.data(dropletId));
    this.network.release(this.#addresses.get(dropletId));
    this.#addresses.delete(dropletId);
    this.#attached.delete(dropletId);
  }

  /** Runs a command in a droplet, as root. */
  run(dropletId: number, argv: readonly string[]): Promise<ExecResult> {
    return tryDocker("exec", this.#names.container(dropletId), ...argv);
  }

  makeVolume(volume: Volume, from?: Snapshot): Promise<void> {
    return this.#disks.make(volume, from);
  }

  growVolume(volume: Volume): Promise<void> {
    return this.#disks.grow(volume);
  }

  removeVolume(volume: Volume): Promise<void> {
    return this.#disks.remove(volume);
  }

  makeSnapshot(volume: Volume, snapshot: Snapshot): Promise<void> {
    return this.#disks.snapshot(volume, snapshot);
  }

  async removeSnapshot(snapshot: Snapshot): Promise<void> {
    this.#disks.removeSnapshot(snapshot);
  }

  async attach(volume: Volume, droplet: Droplet): Promise<void> {
    this.#attached.set(droplet.id, [...(this.#attached.get(droplet.id) ?? []), volume]);
    await this.#write(droplet.id, this.#volumes(droplet.id));
    if (droplet.status === "active") await this.#script(droplet.id, ATTACH, volume);
  }

  /**
   * Removes the device, mounted or not, as the real one does: its mounts disappear everywhere on the droplet.
   */
  async detach(volume: Volume, dropletId: number): Promise<void> {
    const others = (this.#attached.get(dropletId) ?? []).filter(({ id }) => id !== volume.id);
    this.#attached.set(dropletId, others);
    await this.#write(dropletId, this.#volumes(dropletId));
    const { stdout } = await tryDocker(
      "inspect",
      "--format",
      "{{.State.Running}}",
      this.#names.container(dropletId),
    );
    if (stdout.trim() === "true") await this.#script(dropletId, DETACH, volume);
  }

  enforce(firewalls: readonly Firewall[], droplets: readonly Droplet[]): Promise<void> {
    return this.network.enforce(firewalls, droplets);
  }

  /** Result of a connection from another machine on the droplets' network. */
  async connectFromElsewhere(ip: string, port: number): Promise<"connected" | "refused"> {
    const { label, network } = this.#names;
    const other = this.network.place().ip;
    const own = [
      "run",
      "--rm",
      "--label",
      label,
      "--network",
      network,
      "--ip",
      other,
      "--entrypoint",
      "timeout",
    ];
    const connect = ["4", "bash", "-c", `exec 3<>/dev/tcp/${ip}/${port}`];
    const { code } = await tryDocker(...own, DROPLET_IMAGE, ...connect);
    this.network.release(other);
    return code === 0 ? "connected" : "refused";
  }

  stop(): Promise<void> {
    return sweep(this.#names);
  }

  #volumes(dropletId: number): Record<string, string> {
    const volumes = this.#attached.get(dropletId) ?? [];
    const lines = volumes.map((volume) => ({ name: volume.name, loop: this.#disks.loop(volume) }));
    return { "etc/droplet/volumes": volumeLines(lines) };
  }

  /** Writes files into a droplet, running or not. */
  async #write(dropletId: number, files: Record<string, string>): Promise<void> {
    const stage = join(this.#names.folder, `stage-${dropletId}`);
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(join(stage, path)), { recursive: true });
      writeFileSync(join(stage, path), text, { mode: 0o600 });
    }
    await docker("cp", `${stage}/.`, `${this.#names.container(dropletId)}:/`);
    rmSync(stage, { recursive: true });
  }

  async #script(dropletId: number, [interpreter, text]: Script, volume: Volume): Promise<void> {
    const args = [volume.name, String(this.#disks.loop(volume))];
    const container = this.#names.container(dropletId);
    await docker("exec", container, interpreter, "-c", text, ...args);
  }
}

async function surroundingsOf(names: MachineNames, hosts: Surroundings["hosts"]): Promise<Surroundings> {
  const read = ["run", "--rm", "--label", names.label, "--network", "none", "--entrypoint", "cat"];
  return {
    hosts,
    hostsTemplate: await docker(...read, DROPLET_IMAGE, "/etc/cloud/templates/hosts.debian.tmpl"),
    resolvConf: readFileSync("/etc/resolv.conf", "utf8"),
  };
}

/** Removes everything with a name from this machine. */
export async function sweep(names: MachineNames): Promise<void> {
  const filter = ["--quiet", "--filter", `label=${names.label}`];
  const containers = await listed("ps", "--all", ...filter);
  if (containers.length > 0) await docker("rm", "--force", "--volumes", ...containers);
  const volumes = await listed("volume", "ls", ...filter);
  if (volumes.length > 0) await docker("volume", "rm", "--force", ...volumes);
  await removeNetwork(names);
  await removeDisks(names.folder);
}

/** A droplet's name may be longer than a hostname. */
const hostname = (name: string): string => (name.split(".")[0] ?? name).slice(0, 63).replace(/-+$/, "");

type Script = readonly [interpreter: string, text: string];

/** Creates a volume's device. Arguments: its name and the number of its loop device. */
const ATTACH: Script = [
  "python3",
  `
import os, stat, sys
name, number = sys.argv[1], int(sys.argv[2])
device, link = f"/dev/loop{number}", f"/dev/disk/by-id/scsi-0DO_Volume_{name}"
os.makedirs(os.path.dirname(link), exist_ok=True)
if not os.path.exists(device):
    os.mknod(device, 0o660 | stat.S_IFBLK, os.makedev(${LOOP}, number))
if not os.path.islink(link):
    os.symlink(f"../../loop{number}", link)
`,
];

/**
 * Removes a volume's device, and its mounts in every mount namespace of the droplet, including its
 * containers'.
 */
const DETACH: Script = [
  "python3",
  `
import ctypes, glob, os, sys
name, number = sys.argv[1], int(sys.argv[2])
libc = ctypes.CDLL(None, use_errno=True)
LAZILY, MOUNTS = 2, 0x00020000
for link in (f"/dev/disk/by-id/scsi-0DO_Volume_{name}", f"/dev/loop{number}"):
    if os.path.lexists(link):
        os.remove(link)
# Done before a namespace is entered, in which there may be no Python to load more of.
unescape = lambda text: text.encode().decode("unicode_escape").encode()
seen = set()
for process in glob.glob("/proc/[0-9]*"):
    try:
        space = os.readlink(f"{process}/ns/mnt")
        lines = open(f"{process}/mountinfo").read().splitlines()
    except OSError:
        continue
    fields = [line.split() for line in lines]
    points = [unescape(field[4]) for field in fields if field[2] == f"${LOOP}:{number}"]
    if space in seen or not points:
        continue
    seen.add(space)
    if os.fork() == 0:
        handle = os.open(f"{process}/ns/mnt", os.O_RDONLY)
        if libc.setns(handle, MOUNTS) != 0:
            os._exit(1)
        for point in reversed(points):
            libc.umount2(point, LAZILY)
        os._exit(0)
    os.wait()
`,
];
