/** Volumes as loop devices of this machine, on sparse files. */
import { existsSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Snapshot, Volume } from "../world.ts";
import { command } from "./shell.ts";

const GIB = "G";

export class Disks {
  readonly #folder: string;
  /** Number of each volume's loop device, for its whole life: mounts share one file system. */
  readonly #loops = new Map<string, number>();

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Number of a volume's loop device. */
  loop(volume: Pick<Volume, "id" | "name">): number {
    const loop = this.#loops.get(volume.id);
    if (loop === undefined) throw new Error(`volume ${volume.name} has no device`);
    return loop;
  }

  async make(volume: Volume, from?: Snapshot): Promise<void> {
    mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
    const file = this.#file(volume.id);
    if (from) await copySparse(this.#file(from.id), file);
    await command("truncate", "--size", `${volume.size}${GIB}`, file);
    if (!from && volume.filesystemType === "ext4") await format(file, volume.filesystemLabel);
    const device = await command("losetup", "--find", "--show", file);
    this.#loops.set(volume.id, Number(/\d+$/.exec(device)?.[0]));
  }

  async grow(volume: Volume): Promise<void> {
    await command("truncate", "--size", `${volume.size}${GIB}`, this.#file(volume.id));
    await command("losetup", "--set-capacity", `/dev/loop${this.loop(volume)}`);
  }

  async remove(volume: Volume): Promise<void> {
    await command("losetup", "--detach", `/dev/loop${this.loop(volume)}`);
    this.#loops.delete(volume.id);
    rmSync(this.#file(volume.id));
  }

  /** Copies what has been written to the volume so far, without a file system's unwritten data. */
  snapshot(volume: Volume, snapshot: Snapshot): Promise<void> {
    return copySparse(this.#file(volume.id), this.#file(snapshot.id));
  }

  removeSnapshot(snapshot: Snapshot): void {
    rmSync(this.#file(snapshot.id));
  }

  #file(id: string): string {
    return join(this.#folder, `${id}.img`);
  }
}

/**
 * Frees the loop devices of a directory's files and removes it. A device in use is freed when it is last
 * closed.
 */
export async function removeDisks(folder: string): Promise<void> {
  if (!existsSync(folder)) return;
  const rows = await command("losetup", "--list", "--noheadings", "--output", "NAME,BACK-FILE");
  for (const row of rows.split("\n")) {
    const [device = "", file = ""] = row.trim().split(/\s+/);
    if (file.startsWith(`${folder}/`)) await command("losetup", "--detach", device);
  }
  rmSync(folder, { recursive: true, force: true });
}

async function format(file: string, label: string): Promise<void> {
  await command("mkfs.ext4", "-q", "-F", ...(label ? ["-L", label] : []), file);
}

async function copySparse(from: string, to: string): Promise<void> {
  await command("cp", "--sparse=always", from, to);
}
