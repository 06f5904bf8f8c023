import type * as command from "@pulumi/command";
import type * as digitalocean from "@pulumi/digitalocean";
import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import { imageOnDroplet } from "../../config/images.ts";
import type { CloudNames } from "../../config/naming/cloud-names.ts";
import { DROPLET_RUNTIME_DIR, DROPLET_WORKSPACES_DIR } from "../../config/naming/names.ts";
import { defaultDiskBytes } from "../../config/projects/resources.ts";
import { shellQuote } from "../../config/text/shell.ts";
import { type Host, RESOLVER_DIR } from "./host.ts";
import { Command } from "./lean.ts";
import { sshCommand } from "./ssh.ts";
import { SSH_USER, sshConfigFile } from "./ssh-files.ts";
import { IMAGE_USER, makeOwnedDirectory, projectUser } from "./users.ts";

export interface DropletHostParts {
  droplet: digitalocean.Droplet;
  cloud: CloudNames;
  /** GiB of its volume. */
  volumeSize: number;
  /** Done once the droplet has its volume and its Docker. */
  ready: command.local.Command;
}

/**
 * A droplet as everything that is put on it sees it. The target that Docker and commands get is known before there is one and never changes: a
 * provider whose host is unknown in a preview makes it fail. With another droplet, all that was on the one before it is made again.
 */
export function dropletHost(
  { droplet, cloud, volumeSize, ready }: DropletHostParts,
  opts: pulumi.CustomResourceOptions,
): Host {
  const target = sshTarget(cloud.base);
  const user = IMAGE_USER;
  return {
    provider: new docker.Provider(
      "droplet",
      {
        host: `ssh://${SSH_USER}@${target.alias}`,
        sshOpts: ["-F", target.configFile],
        // The first preview has no droplet to ask yet.
        disableDockerDaemonCheck: true,
      },
      { ...opts, dependsOn: [ready] },
    ),
    machine: droplet.id,
    address: droplet.ipv4Address,
    workspacesDir: DROPLET_WORKSPACES_DIR,
    diskBytes: defaultDiskBytes(volumeSize),
    runtimeDir: DROPLET_RUNTIME_DIR,
    platform: "linux/amd64",
    imageOf: (image) => imageOnDroplet(image, pulumi.runtime.allConfig(), process.env),
    dockerSocket: "/var/run/docker.sock",
    resolverDir: RESOLVER_DIR,
    needsGuard: true,
    user,
    userOf: (project) => projectUser(user, project),
    makeDirectoryOf: (project, path) => makeOwnedDirectory(path, projectUser(user, project)),
    makeDirectory: (path) =>
      `mkdir -p ${shellQuote(path)} && chown ${user.uid}:${user.gid} ${shellQuote(path)}`,
    remote: (script) => sshCommand(target, script),
    run: (name, args, own) => {
      const remote = (script: pulumi.Input<string>) =>
        pulumi.output(script).apply((script) => sshCommand(target, script));
      const { create, triggers = [], ...others } = args;
      return new Command(
        name,
        {
          ...others,
          create: remote(create),
          ...(args.delete ? { delete: remote(args.delete) } : {}),
          triggers: pulumi.output(triggers).apply((own) => [...own, droplet.id]),
          logging: args.logging ?? "none",
        },
        pulumi.mergeOptions(own, { dependsOn: [ready] }),
      );
    },
  };
}

/** The ssh options that reach a droplet: relative to the checkout, where Pulumi and its plugins run. */
export const sshTarget = (alias: string) => ({ alias, configFile: sshConfigFile(pulumi.getStack(), alias) });
