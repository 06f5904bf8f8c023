import type * as pulumi from "@pulumi/pulumi";
import type { Names } from "../../config/naming/names.ts";
import { hostKeysOf } from "../../config/stack/panel.ts";
import { findAccount } from "../edge/account.ts";
import { Edge, type EdgeArgs } from "../edge/edge.ts";
import { DropletHost } from "../host/droplet.ts";
import type { Host } from "../host/host.ts";
import type { SshAccess } from "../host/ssh-files.ts";
import { Panel, type PanelArgs } from "../panel/panel.ts";
import type { OpencodeProject } from "../project/project.ts";
import { BackupBucket } from "../storage/spaces.ts";
import { commitOf } from "./commit.ts";
import { type Production, withRunError } from "./load.ts";

/** A droplet, and Cloudflare's side in front of it. */
export interface ProductionParts {
  readonly host: Host;
  readonly ssh: pulumi.Output<SshAccess>;
  /** Makes the bucket for backups, where it is wanted. */
  backupBucket(): BackupBucket;
  /** Makes the edge, once the port on the droplet and the projects are known. */
  publish(args: Pick<EdgeArgs, "names" | "port" | "projects" | "admins" | "panelMachines">): Edge;
  /** Makes the panel, where it is wanted. */
  panel(
    args: Pick<PanelArgs, "names" | "image" | "routesDir" | "access"> & {
      readonly projects: readonly OpencodeProject[];
      /** Of the keeper, for a panel that runs no updates. */
      readonly dockerVolume: pulumi.Input<string> | undefined;
      /** What serves the socket in it. */
      readonly keeper: pulumi.Resource;
    },
  ): Panel | undefined;
}

/**
 * Declares the droplet. A module of its own, because only stacks on a droplet load the clouds' packages.
 * @throws pulumi.RunError when Cloudflare does not know the domain, before anything is declared.
 */
export async function makeProduction(
  { settings, panel, panelWebhook: webhook, proxy, cloud, urls }: Production,
  names: Names,
  checkout: string,
): Promise<ProductionParts> {
  const commit = await withRunError(async () =>
    panel.enabled && panel.apply === "ci" ? commitOf(checkout) : "",
  );
  const account = await withRunError(() => findAccount(settings.domain, cloud));
  const tunnelHostname = settings.sshThrough === "tunnel" ? urls.ssh : undefined;
  const droplet = new DropletHost("droplet", {
    settings,
    cloud,
    names,
    checkout,
    proxy,
    ...(tunnelHostname ? { tunnelHostname } : {}),
  });
  const { host, ssh } = droplet;
  return {
    host,
    ssh,
    backupBucket: () => new BackupBucket("backup-bucket", { cloud, region: settings.region }),
    publish: (args) => new Edge("edge", { ...args, settings, cloud, urls, account, host }),
    panel: ({ projects, dockerVolume, keeper, ...args }) => {
      const { enabled, port, git } = panel;
      if (!enabled || !git) return undefined;
      return new Panel("panel", {
        ...args,
        host,
        port,
        git: { ...git, knownHosts: hostKeysOf(git) },
        apply: dockerVolume ? { by: "ci", commit, projects, webhook, dockerVolume, keeper } : { by: "here" },
        environment: settings.panelEnvironment ?? {},
      });
    },
  };
}
