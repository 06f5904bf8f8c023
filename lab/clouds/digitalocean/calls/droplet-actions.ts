import { beginOn, type Call, type Calls, created, mustBeFree, ok } from "../call.ts";
import { findSize } from "../catalogue.ts";
import { notCovered, unprocessable } from "../errors.ts";
import { actionView, page } from "../views.ts";
import { type Action, type Droplet, must } from "../world.ts";
import { dropletOf } from "./droplets.ts";

interface ActionBody {
  type: string;
  name?: string;
  size?: string;
  disk?: boolean;
}

/** Actions on existing droplets. */
export const dropletActionCalls: Calls = {
  dropletActions_post(call) {
    const droplet = dropletOf(call);
    mustBeFree(call.world, droplet.id);
    const action = ACTIONS[(call.body as ActionBody).type];
    if (!action) throw notCovered(`the Droplet action ${(call.body as ActionBody).type}`);
    return created({ action: actionView(action(call, droplet)) });
  },

  dropletActions_list(call) {
    const { id } = dropletOf(call);
    const actions = [...call.world.actions.values()].filter(({ resourceId }) => resourceId === id);
    return ok(page("actions", actions.reverse().map(actionView), call.url));
  },

  dropletActions_get(call) {
    const { id } = dropletOf(call);
    const action = must(call.world.actions.get(Number(call.param("action_id"))));
    return ok({ action: actionView(must(action.resourceId === id ? action : undefined)) });
  },
};

type Begin = (call: Call, droplet: Droplet) => Action;

const ACTIONS: Record<string, Begin | undefined> = {
  power_off: stopping("power_off"),
  shutdown: stopping("shutdown"),
  power_on({ world, machines }, droplet) {
    if (droplet.status === "active") throw unprocessable("Droplet is already powered on");
    return beginOn(world, droplet, "power_on", async () => {
      await machines.powerOn(droplet, world.volumesOf(droplet.id));
      droplet.status = "active";
    });
  },
  reboot: restarting("reboot"),
  power_cycle: restarting("power_cycle"),
  resize,
  rename({ world, body }, droplet) {
    const { name } = body as ActionBody;
    if (!name) throw unprocessable("Name can't be blank");
    return beginOn(world, droplet, "rename", async () => {
      droplet.name = name;
    });
  },
  enable_backups: feature("enable_backups", (others) => [...others, "backups"]),
  disable_backups: feature("disable_backups", (others) => others),
};

function stopping(type: "power_off" | "shutdown"): Begin {
  return ({ world, machines }, droplet) => {
    const isOff = droplet.status === "off";
    // The real one accepts a shutdown of a droplet that is off, as its provider notes.
    if (isOff && type === "power_off") throw unprocessable("Droplet is already powered off");
    return beginOn(world, droplet, type, async () => {
      if (!isOff) await (type === "shutdown" ? machines.shutdown(droplet) : machines.powerOff(droplet));
      droplet.status = "off";
    });
  };
}

function restarting(type: "reboot" | "power_cycle"): Begin {
  return ({ world, machines }, droplet) => {
    if (droplet.status === "off") throw unprocessable("Droplet is powered off");
    return beginOn(world, droplet, type, async () => {
      await (type === "reboot" ? machines.shutdown(droplet) : machines.powerOff(droplet));
      await machines.powerOn(droplet, world.volumesOf(droplet.id));
    });
  };
}

function resize({ world, body }: Call, droplet: Droplet): Action {
  const { size: slug = "", disk = false } = body as ActionBody;
  const size = findSize(slug);
  if (!size) throw unprocessable("You specified an invalid size.");
  if (droplet.size === slug) throw unprocessable("This Droplet is already this size.");
  if (size.disk < droplet.disk) throw unprocessable("This size has a smaller disk.");
  if (droplet.status !== "off") throw unprocessable("Droplet must be powered off to be resized.");
  return beginOn(world, droplet, "resize", async () => {
    droplet.size = slug;
    if (disk) droplet.disk = size.disk;
  });
}

function feature(type: string, change: (others: string[]) => string[]): Begin {
  return ({ world }, droplet) =>
    beginOn(world, droplet, type, async () => {
      droplet.features = change(droplet.features.filter((each) => each !== "backups"));
    });
}
