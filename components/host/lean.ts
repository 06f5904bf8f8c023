/**
 * The resources that each project has, with the properties alone that they are given. The packages' own classes declare every property there
 * is, each with four promises: 80 of them for a container, which takes half of the program's time where there are many projects.
 */
import { createRequire } from "node:module";
import type * as command from "@pulumi/command";
import type * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import type * as random from "@pulumi/random";

const require = createRequire(import.meta.url);
/** The version of a package, by which the engine takes the plugin; as the packages' own classes give it. */
const pluginOf = (name: string): pulumi.CustomResourceOptions => ({
  version: (require(`@pulumi/${name}/package.json`) as { version: string }).version,
});
const [commandPlugin, dockerPlugin, randomPlugin] = [
  pluginOf("command"),
  pluginOf("docker"),
  pluginOf("random"),
];

/** `docker.Container`. Of its outputs it has its id. */
export class Container extends pulumi.CustomResource {
  constructor(name: string, args: docker.ContainerArgs, opts: pulumi.CustomResourceOptions) {
    super("docker:index/container:Container", name, { ...args }, pulumi.mergeOptions(dockerPlugin, opts));
  }
}

/** `docker.Network`. Of its outputs it has its name. */
export class BridgeNetwork extends pulumi.CustomResource {
  declare readonly name: pulumi.Output<string>;

  constructor(name: string, args: docker.NetworkArgs, opts: pulumi.CustomResourceOptions) {
    super("docker:index/network:Network", name, { ...args }, pulumi.mergeOptions(dockerPlugin, opts));
  }
}

/** `command.local.Command`, without its outputs. */
export class Command extends pulumi.CustomResource {
  constructor(name: string, args: command.local.CommandArgs, opts: pulumi.CustomResourceOptions) {
    super(
      "command:local:Command",
      name,
      { ...args },
      pulumi.mergeOptions({ ...commandPlugin, replaceOnChanges: ["triggers[*]"] }, opts),
    );
  }
}

/** `random.RandomPassword`. */
export class Password extends pulumi.CustomResource {
  declare readonly result: pulumi.Output<string>;

  constructor(name: string, args: random.RandomPasswordArgs, opts: pulumi.CustomResourceOptions) {
    super(
      "random:index/randomPassword:RandomPassword",
      name,
      { ...args, result: undefined },
      pulumi.mergeOptions(
        {
          ...randomPlugin,
          additionalSecretOutputs: ["bcryptHash", "result"],
        },
        opts,
      ),
    );
  }
}
