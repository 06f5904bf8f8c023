import { accepted, begin, type Call, type Calls, mustBeFree, ok } from "../call.ts";
import { notCovered, unprocessable } from "../errors.ts";
import { actionView, page } from "../views.ts";
import { type Action, type Droplet, must, type Volume } from "../world.ts";
import { checkSize, volumeOf } from "./volumes.ts";

type ActionBody =
  | { type: "attach" | "detach"; droplet_id: number; region?: string }
  | { type: "resize"; size_gigabytes: number; region?: string };

/** Attaches, detaches and grows volumes. */
export const volumeActionCalls: Calls = {
  volumeActions_post: () => {
    throw notCovered("actions on volumes by name");
  },

  volumeActions_post_byId(call) {
    const volume = volumeOf(call);
    const body = call.body as ActionBody;
    if (body.region && body.region !== volume.region) throw unprocessable("volume is in another region");
    if (call.world.pending(volume.id)) throw unprocessable("Volume already has a pending event.");
    const action =
      body.type === "resize" ? resize(call, volume, body.size_gigabytes) : move(call, volume, body);
    return accepted({ action: actionView(action) });
  },

  volumeActions_list(call) {
    const { id } = volumeOf(call);
    const actions = [...call.world.actions.values()].filter(({ resourceId }) => resourceId === id);
    return ok(page("actions", actions.reverse().map(actionView), call.url));
  },

  volumeActions_get(call) {
    const { id } = volumeOf(call);
    const action = must(call.world.actions.get(Number(call.param("action_id"))));
    return ok({ action: actionView(must(action.resourceId === id ? action : undefined)) });
  },
};

function move(call: Call, volume: Volume, body: { type: "attach" | "detach"; droplet_id: number }): Action {
  const droplet = must(call.world.droplets.get(body.droplet_id), "droplet not found");
  mustBeFree(call.world, droplet.id);
  return body.type === "attach" ? attach(call, volume, droplet) : detach(call, volume, droplet.id);
}

const MOST_PER_DROPLET = 15;

function attach({ world, machines }: Call, volume: Volume, droplet: Droplet): Action {
  if (volume.dropletId !== undefined) throw unprocessable("This volume is already attached");
  if (volume.region !== droplet.region)
    throw unprocessable("The Droplet and the volume are in different regions.");
  if (world.volumesOf(droplet.id).length >= MOST_PER_DROPLET)
    throw unprocessable("Droplet already has the most volumes that can be attached to it.");
  const about = { type: "attach_volume", resourceType: "volume", resourceId: volume.id } as const;
  return begin(world, { ...about, region: volume.region }, async () => {
    await machines.attach(volume, droplet);
    volume.dropletId = droplet.id;
  });
}

function detach({ world, machines }: Call, volume: Volume, dropletId: number): Action {
  if (volume.dropletId !== dropletId) throw unprocessable("Attachment not found");
  const about = { type: "detach_volume", resourceType: "volume", resourceId: volume.id } as const;
  return begin(world, { ...about, region: volume.region }, async () => {
    await machines.detach(volume, dropletId);
    volume.dropletId = undefined;
  });
}

function resize({ world, machines }: Call, volume: Volume, size: number): Action {
  checkSize(size);
  if (size <= volume.size) throw unprocessable("New size must be larger than the volume's current size.");
  const about = { type: "resize", resourceType: "volume", resourceId: volume.id } as const;
  return begin(world, { ...about, region: volume.region }, async () => {
    await machines.growVolume({ ...volume, size });
    volume.size = size;
  });
}
