import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import type { Names } from "../../config/naming/names.ts";
import { type Host, onHost } from "./host.ts";

export interface NetworkArgs {
  host: Host;
  names: Names;
}

/**
 * The bridge that every project's container is on, with traffic between its containers turned off: the host, and so
 * Traefik, reaches them all; they do not reach each other.
 */
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
        options: { "com.docker.network.bridge.enable_icc": "false" },
        labels: [{ label: names.platformLabel, value: names.prefix }],
      },
      { parent: this, ...onHost(host), deleteBeforeReplace: true },
    );
    this.name = network.name;
    this.registerOutputs({ name: this.name });
  }
}
