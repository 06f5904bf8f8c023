import { kindOf } from "../engine/changes.ts";
import type { Operation, Step } from "./plan.ts";

/** What a change means for people, where the resource's name doesn't say it. */
export interface Rule {
  readonly type: RegExp;
  readonly ops: readonly Operation[];
  /** Only where this property differs. */
  readonly concerns?: string;
  /** Only for resources of a project, or only for those that all share. */
  readonly of?: "project" | "platform";
  say(step: Step): string;
}

export const RULES: readonly Rule[] = [
  {
    type: /^digitalocean:index\/droplet:Droplet$/,
    ops: ["replace", "delete"],
    say: () =>
      "A replacement of the droplet interrupts every project for some minutes: a new machine with another address boots, takes over the volume and builds the images. Workspaces and sessions are on the volume and stay; whatever else is on the droplet's own disk is lost. A new droplet is met by its address, also where SSH goes through the tunnel later: docs/deploying.md says what to set before.",
  },
  {
    type: /^digitalocean:index\/droplet:Droplet$/,
    ops: ["update"],
    concerns: "size",
    say: () => "Another size turns the droplet off for some minutes, and every project with it.",
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
    say: () => "The volume is detached for a while: no project can reach its workspace until it is back.",
  },
  {
    type: /^digitalocean:index\/firewall:Firewall$/,
    ops: ["update", "replace", "delete"],
    say: () => "Who may reach the droplet by SSH changes.",
  },
  {
    type: /^digitalocean:index\/sshKey:SshKey$/,
    ops: ["replace", "delete"],
    say: () => "The SSH key of new droplets changes.",
  },
  {
    type: /^cloudflare:index\/zeroTrustTunnelCloudflared:/,
    ops: ["replace", "delete"],
    say: () => "The tunnel is made anew: no hostname answers until its connector has dialled in.",
  },
  {
    type: /^cloudflare:index\/zeroTrustAccess(Application|Policy|IdentityProvider):/,
    ops: ["update", "replace"],
    say: ({ name, type }) =>
      `Who may pass Cloudflare Access changes (${kindOf(type).replace("zero trust access ", "")} "${name}").`,
  },
  {
    type: /^cloudflare:index\/zeroTrustAccessServiceToken:/,
    ops: ["replace", "delete"],
    say: () => "The service token of machines changes: CI and others that use it need the new one.",
  },
  {
    type: /^random:index\/randomPassword:RandomPassword$/,
    ops: ["replace"],
    of: "project",
    say: ({ project }) => `${project} gets a new password. The gateway knows it; nobody has to be told.`,
  },
  {
    type: /^docker:index\/container:Container$/,
    ops: ["replace"],
    of: "project",
    say: ({ project }) =>
      `${project} is restarted: whatever runs in its container ends; its workspace and its sessions stay.`,
  },
  {
    type: /^docker:index\/container:Container$/,
    ops: ["delete"],
    of: "project",
    say: ({ project }) =>
      `${project} is removed: its container ends; its workspace stays until somebody purges it.`,
  },
  {
    type: /^docker:index\/container:Container$/,
    ops: ["replace", "delete"],
    of: "platform",
    say: ({ name }) => `"${name}", which all projects share, is restarted: requests fail for some seconds.`,
  },
];

/** What people should know before the plan is applied: one sentence each, none twice. */
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
