/** The context of one call of the API. */
import { unprocessable } from "./errors.ts";
import type { Machines } from "./machines.ts";
import { type Action, type Droplet, now, type World } from "./world.ts";

export interface Call {
  readonly world: World;
  readonly machines: Machines;
  /** The requested URL, with the query. */
  readonly url: URL;
  /** A parameter of the path. */
  param(name: string): string;
  /** The request's body, validated against the API's description. */
  readonly body: unknown;
}

export interface Reply {
  status: 200 | 201 | 202 | 204;
  body?: object;
}

/** Handlers of calls, by operation id. */
export type Calls = Readonly<Record<string, (call: Call) => Reply | Promise<Reply>>>;

export const ok = (body: object): Reply => ({ status: 200, body });
export const created = (body: object): Reply => ({ status: 201, body });
export const accepted = (body: object): Reply => ({ status: 202, body });
export const done: Reply = { status: 204 };

/** Rejects a call while another action is pending, as the API does. */
export function mustBeFree(world: World, resourceId: number | string): void {
  if (world.pending(resourceId)) throw unprocessable("Droplet already has a pending event.");
}

/** Starts an action that continues after the response; `work` decides its outcome. */
export function begin(
  world: World,
  action: Pick<Action, "type" | "resourceType" | "resourceId" | "region">,
  work: () => Promise<void>,
): Action {
  const begun: Action = {
    ...action,
    id: world.number(),
    status: "in-progress",
    startedAt: now(),
    completedAt: undefined,
  };
  world.actions.set(begun.id, begun);
  const end = (status: "completed" | "errored") => {
    begun.status = status;
    begun.completedAt = now();
  };
  world.track(
    work().then(
      () => end("completed"),
      (error: Error) => {
        end("errored");
        world.failures.push(
          `${action.type} of ${action.resourceType} ${action.resourceId}: ${error.message}`,
        );
      },
    ),
  );
  return begun;
}

/** Starts an action on a droplet. */
export const beginOn = (
  world: World,
  { id, region }: Droplet,
  type: string,
  work: () => Promise<void>,
): Action => begin(world, { type, resourceType: "droplet", resourceId: id, region }, work);

/** Applies the current firewalls. */
export async function enforceFirewalls({ world, machines }: Pick<Call, "world" | "machines">): Promise<void> {
  const firewalls = [...world.firewalls.values()];
  await machines.enforce(firewalls, [...world.droplets.values()]);
  for (const firewall of firewalls) firewall.status = "succeeded";
}
