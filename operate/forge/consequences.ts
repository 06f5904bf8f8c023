import { kindOf } from "../engine/changes.ts";
import type { Operation, Step } from "./plan.ts";

/** The consequence of a change for people, where the resource's name does not show it. */
export interface Rule {
  readonly type: RegExp;
  readonly ops: readonly Operation[];
  /** Only if this property changes. */
  readonly concerns?: string;
  /** Only for resources of a project, or only for shared ones. */
  readonly of?: "project" | "platform";
  say(step: Step): string;
}

/** The service that a resource is of: no project's name has a dot. */
const serviceIn = (name: string): string | undefined => /\.(.+)$/.exec(name)?.[1];

export const RULES: readonly Rule[] = [
  {
    type: /^digitalocean:index\/droplet:Droplet$/,
    ops: ["replace", "delete"],
    say: () =>
      "Replacing the droplet interrupts every project for some minutes: a new machine with another address boots, takes over the volume and builds the images. Workspaces and sessions are on the volume and stay; everything else on the droplet's disk is lost. A new droplet is first reached by its address, even if SSH uses the tunnel later: see docs/deploying.md for what to set first.",
  },
  {
    type: /^digitalocean:index\/droplet:Droplet$/,
    ops: ["update"],
    concerns: "size",
    say: () => "Resizing turns off the droplet, with every project, for some minutes.",
  },
  {
    type: /^digitalocean:index\/volume:Volume$/,
    ops: ["replace", "delete"],
    say: () =>
      "The volume holds every workspace. Without it they are lost, unless they are in a snapshot or pushed. The engine refuses this while the volume is protected.",
  },
  {
    type: /^digitalocean:index\/volumeAttachment:VolumeAttachment$/,
    ops: ["replace", "delete"],
    say: () => "The volume is detached for a while: no project can use its workspace until it is back.",
  },
  {
    type: /^digitalocean:index\/firewall:Firewall$/,
    ops: ["update", "replace", "delete"],
    say: () => "The addresses that can reach the droplet by SSH change.",
  },
  {
    type: /^digitalocean:index\/sshKey:SshKey$/,
    ops: ["replace", "delete"],
    say: () => "The SSH key of new droplets changes.",
  },
  {
    type: /^cloudflare:index\/zeroTrustTunnelCloudflared:/,
    ops: ["replace", "delete"],
    say: () => "The tunnel is recreated: no hostname responds until its connector is connected.",
  },
  {
    type: /^cloudflare:index\/zeroTrustAccess(Application|Policy|IdentityProvider):/,
    ops: ["update", "replace"],
    say: ({ name, type }) =>
      `Cloudflare Access changes (${kindOf(type).replace("zero trust access ", "")} "${name}"): other people may be let in, or to other hostnames.`,
  },
  {
    type: /^cloudflare:index\/zeroTrustAccessServiceToken:/,
    ops: ["replace", "delete"],
    say: ({ op, name, project }) => {
      const place = project ?? (name === "service-token" ? "SSH, which CI uses," : "the panel");
      const end = op === "delete" ? "no machine can open it any more" : "machines need the new one";
      return `The service token for ${place} ends: ${end}.`;
    },
  },
  {
    type: /^random:index\/randomPassword:RandomPassword$/,
    ops: ["replace"],
    of: "project",
    say: ({ project }) => `${project} gets a new password. The gateway uses it; nothing needs to be done.`,
  },
  {
    type: /^docker:index\/container:Container$/,
    ops: ["replace"],
    of: "project",
    say: ({ project, name }) =>
      serviceIn(name)
        ? `The service ${serviceIn(name)} of ${project} is restarted: connections to it end; what its volume keeps stays.`
        : `${project} is restarted: processes in its container end; its workspace and sessions stay.`,
  },
  {
    type: /^docker:index\/container:Container$/,
    ops: ["delete"],
    of: "project",
    say: ({ project, name }) =>
      serviceIn(name)
        ? `The service ${serviceIn(name)} of ${project} is removed; what its volume keeps stays until the workspace is purged.`
        : `${project} is removed: its container ends; its workspace stays until it is purged.`,
  },
  {
    type: /^docker:index\/container:Container$/,
    ops: ["replace", "delete"],
    of: "platform",
    say: ({ name }) => `"${name}", which all projects share, is restarted: requests fail for some seconds.`,
  },
];

/** Consequences of a plan, one sentence each, without repetitions. */
export function consequencesOf(steps: readonly Step[]): string[] {
  const said = steps.flatMap((step) =>
    RULES.filter(
      ({ type, ops, of, concerns }) =>
        type.test(step.type) &&
        ops.includes(step.op) &&
        (concerns === undefined || step.properties.includes(concerns)) &&
        (of === undefined || (of === "project") === (step.project !== undefined)),
    ).map((rule) => rule.say(step)),
  );
  return [...new Set(said)];
}
