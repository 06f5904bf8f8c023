import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import type { Names } from "../../config/naming/names.ts";
import { labelList } from "./container.ts";
import { type Host, onHost } from "./host.ts";

const ICC = "com.docker.network.bridge.enable_icc";

export interface NetworkArgs {
  host: Host;
  names: Names;
}

/** The bridge of the notice page. It was the projects' too, up to 0.2. */
export class Network extends pulumi.ComponentResource {
  /** The network's name, known once it exists. */
  readonly name: pulumi.Output<string>;

  constructor(name: string, { host, names }: NetworkArgs, opts?: pulumi.ComponentResourceOptions) {
    super("opencode:platform:Network", name, {}, opts);
    const network = new docker.Network(
      name,
      {
        name: names.network,
        driver: "bridge",
        options: { [ICC]: "false" },
        labels: labelList({ [names.platformLabel]: names.prefix }),
      },
      { parent: this, ...onHost(host), deleteBeforeReplace: true },
    );
    this.name = network.name;
    this.registerOutputs({ name: this.name });
  }
}

/**
 * A project's own bridge: nobody else is on it, so that Docker's DNS tells it no neighbour's name, and its interface's name is what packet rules
 * know the project by, whichever address the container gets.
 */
export const projectNetwork = (names: Names, project: string): docker.NetworkArgs => ({
  name: names.projectNetwork(project),
  driver: "bridge",
  options: { "com.docker.network.bridge.name": names.projectBridge(project), [ICC]: "false" },
  labels: labelList({ [names.platformLabel]: names.prefix, [names.projectLabel]: project }),
});

/**
 * The bridge of a project's services: internal, so that no route leads out of it, and with traffic between its containers. The host itself has an
 * address on it all the same: packet rules, which know it by its interface, keep the host's services from it.
 */
export const servicesNetwork = (names: Names, project: string): docker.NetworkArgs => ({
  name: names.servicesNetwork(project),
  driver: "bridge",
  internal: true,
  options: { "com.docker.network.bridge.name": names.servicesBridge(project), [ICC]: "true" },
  labels: labelList({ [names.platformLabel]: names.prefix, [names.projectLabel]: project }),
});
