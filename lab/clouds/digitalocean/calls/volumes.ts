import { randomUUID } from "node:crypto";
import { type Call, type Calls, created, done, ok } from "../call.ts";
import { findRegion } from "../catalogue.ts";
import { conflict, notFound, unprocessable } from "../errors.ts";
import { page, snapshotView, volumeView } from "../views.ts";
import { must, now, type Snapshot, type Volume, type World } from "../world.ts";

interface VolumeBody {
  name: string;
  description?: string | null;
  region: string;
  size_gigabytes: number;
  snapshot_id?: string | null;
  filesystem_type?: string | null;
  filesystem_label?: string | null;
  tags?: string[] | null;
}

const LARGEST_GIB = 16_384;
const NAME = /^[a-z][a-z0-9-]{0,63}$/;

/** Volumes, which outlive droplets, and their snapshots. */
export const volumeCalls: Calls = {
  volumes_list({ world, url }) {
    const [name, region] = [url.searchParams.get("name"), url.searchParams.get("region")];
    const wanted = [...world.volumes.values()].filter(
      (volume) => (!name || volume.name === name) && (!region || volume.region === region),
    );
    return ok(page("volumes", wanted.map(volumeView), url));
  },

  async volumes_create({ world, machines, body }) {
    const said = body as VolumeBody;
    const from = said.snapshot_id ? mustSnapshot(world, said.snapshot_id) : undefined;
    const volume = newVolume(world, said, from);
    // Reserves the name: a second request may arrive before the disk is created.
    world.volumes.set(volume.id, volume);
    try {
      await machines.makeVolume(volume, from);
    } catch (error) {
      world.volumes.delete(volume.id);
      throw error;
    }
    for (const tag of volume.tags) world.tags.add(tag);
    return created({ volume: volumeView(volume) });
  },

  volumes_get: (call) => ok({ volume: volumeView(volumeOf(call)) }),
  volumes_delete: (call) => remove(call, volumeOf(call)),

  volumes_delete_byName(call) {
    const [name, region] = [call.url.searchParams.get("name"), call.url.searchParams.get("region")];
    const volumes = [...call.world.volumes.values()];
    return remove(call, must(volumes.find((volume) => volume.name === name && volume.region === region)));
  },

  volumeSnapshots_list(call) {
    const { id } = volumeOf(call);
    const snapshots = [...call.world.snapshots.values()].filter(({ volumeId }) => volumeId === id);
    return ok(page("snapshots", snapshots.map(snapshotView), call.url));
  },

  async volumeSnapshots_create(call) {
    const volume = volumeOf(call);
    const { name, tags } = call.body as { name: string; tags?: string[] };
    const { region, size, filesystemType, filesystemLabel } = volume;
    const of = { volumeId: volume.id, region, size, filesystemType, filesystemLabel };
    const snapshot: Snapshot = { id: randomUUID(), name, ...of, tags: tags ?? [], createdAt: now() };
    await call.machines.makeSnapshot(volume, snapshot);
    call.world.snapshots.set(snapshot.id, snapshot);
    return created({ snapshot: snapshotView(snapshot) });
  },

  volumeSnapshots_get_byId: (call) =>
    ok({ snapshot: snapshotView(must(call.world.snapshots.get(call.param("snapshot_id")))) }),

  async volumeSnapshots_delete_byId({ world, machines, param }) {
    const snapshot = must(world.snapshots.get(param("snapshot_id")));
    await machines.removeSnapshot(snapshot);
    world.snapshots.delete(snapshot.id);
    return done;
  },
};

export const volumeOf = ({ world, param }: Call): Volume =>
  must(world.volumes.get(param("volume_id")), "volume not found");

async function remove({ world, machines }: Call, volume: Volume) {
  if (volume.dropletId !== undefined) throw conflict("attached volume cannot be deleted");
  if (world.pending(volume.id)) throw conflict("volume has a pending event");
  await machines.removeVolume(volume);
  world.volumes.delete(volume.id);
  world.assigned.delete(`do:volume:${volume.id}`);
  return done;
}

function newVolume(world: World, said: VolumeBody, from: Snapshot | undefined): Volume {
  const { name, region } = said;
  if (!NAME.test(name))
    throw unprocessable(
      "name is invalid: it must begin with a letter and have only lowercase letters, numbers and -",
    );
  if (!findRegion(region)) throw unprocessable("region not found");
  if (!findRegion(region)?.storage) throw unprocessable(`volumes are not available in region ${region}`);
  if ([...world.volumes.values()].some((volume) => volume.name === name && volume.region === region))
    throw conflict(`a volume named "${name}" already exists in region ${region}`);
  if (from && from.region !== region) throw unprocessable("snapshot is in another region");
  const size = Math.max(said.size_gigabytes, from?.size ?? 0);
  checkSize(size);
  const type = from?.filesystemType ?? said.filesystem_type ?? "";
  if (!["", "ext4"].includes(type))
    throw unprocessable(`This stand-in makes volumes with ext4 or empty, not with ${type}.`);
  return {
    id: randomUUID(),
    name,
    description: said.description ?? "",
    region,
    size,
    filesystemType: type,
    filesystemLabel: from?.filesystemLabel ?? said.filesystem_label ?? "",
    tags: said.tags ?? [],
    createdAt: now(),
    dropletId: undefined,
  };
}

export function checkSize(size: number): void {
  if (!(size >= 1 && size <= LARGEST_GIB))
    throw unprocessable(`size_gigabytes must be between 1 and ${LARGEST_GIB}`);
}

function mustSnapshot(world: World, id: string): Snapshot {
  const snapshot = world.snapshots.get(id);
  if (!snapshot) throw notFound("snapshot not found");
  return snapshot;
}
