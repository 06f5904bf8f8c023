import * as pulumi from "@pulumi/pulumi";
import type { SshAccess } from "../config/ssh-files.ts";
import { findAccount } from "./account.ts";
import { DropletHost } from "./droplet.ts";
import { Edge, type EdgeArgs } from "./edge.ts";
import type { Host } from "./host.ts";
import { orRunError, type Production } from "./load.ts";
import { Panel, type PanelArgs } from "./panel.ts";

/** A droplet, and Cloudflare's side in front of it. */
export interface ProductionParts {
  readonly host: Host;
  readonly ssh: pulumi.Output<SshAccess>;
  /** Makes the edge, once the port on the droplet and the projects are known. */
  publish(args: Pick<EdgeArgs, "names" | "port" | "projects" | "admins">): Edge;
  /** Makes the panel, where it is wanted. */
  panel(args: Pick<PanelArgs, "names" | "image" | "routesDir" | "access">): Panel | undefined;
}

/**
 * Declares the droplet. A module of its own, because only stacks on a droplet load the clouds' packages.
 * @throws pulumi.RunError when Cloudflare does not know the domain, before anything is declared.
 */
export async function makeProduction(
  { settings, panel, cloud, urls }: Production,
  checkout: string,
): Promise<ProductionParts> {
  const account = await orRunError(() => findAccount(settings.domain, cloud));
  const tunnelHostname = settings.sshThrough === "tunnel" ? urls.ssh : undefined;
  const droplet = new DropletHost("droplet", {
    settings,
    cloud,
    checkout,
    ...(tunnelHostname ? { tunnelHostname } : {}),
  });
  const { host, ssh } = droplet;
  return {
    host,
    ssh,
    publish: (args) => new Edge("edge", { ...args, settings, cloud, urls, account, host }),
    panel: (args) => {
      const { enabled, port, git } = panel;
      const environment = settings.panelEnvironment;
      if (!enabled || !git || !environment) return undefined;
      return new Panel("panel", { ...args, host, port, git, environment: pulumi.secret(environment) });
    },
  };
}
