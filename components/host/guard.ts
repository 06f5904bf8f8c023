import { join } from "node:path";
import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import { GUARD_DIR, type Names } from "../../config/naming/names.ts";
import type { ProxyEndpoint } from "../../config/stack/company/proxy.ts";
import { shellQuote } from "../../config/text/shell.ts";
import { hardenedOptions, labelList } from "./container.ts";
import { type Host, onHost } from "./host.ts";
import { GUARD_PROGRAM, type GuardedProject, packetRules } from "./packet-rules.ts";

export interface GuardArgs {
  host: Host;
  names: Names;
  /** The projects' image, which has nft. */
  image: pulumi.Input<string>;
  /** All entries of projects.yaml, also in an update of one. */
  projects: readonly GuardedProject[];
  /** The stack's proxies, which a project that is allowed the internet reaches. Default: none. */
  proxies?: readonly ProxyEndpoint[];
}

/**
 * What containers may open connections to: a small container on the host's network, whose one right is to write packet rules, keeps the
 * stack's table in force, over restarts of Docker and of the machine; and a command writes the rules of all projects, so that an entry's
 * `network` changes no container.
 */
export class Guard extends pulumi.ComponentResource {
  /**
   * Ends once the rules are in force. Projects' containers wait for it, and do not depend on it in the state: else the engine could not update
   * one project without the others. Rejected where they are not.
   */
  readonly inForce: Promise<void>;

  constructor(name: string, args: GuardArgs, opts?: pulumi.ComponentResourceOptions) {
    super("opencode:platform:Guard", name, {}, opts);
    const { host, names, projects, proxies } = args;
    const container = this.run(name, args);
    const directory = join(host.runtimeDir, GUARD_DIR);
    const { create, delete: remove } = guardScript(names, directory, host.needsGuard);
    const written = host.run(
      "packet-rules",
      { create, delete: remove, stdin: packetRules(names, projects, proxies) },
      // Else, with another droplet, the old one's end would take the new one's away.
      { parent: this, dependsOn: [container], deleteBeforeReplace: true },
    );
    this.inForce = ended(written, host.needsGuard);
    // Whoever waits for it sees it; and nobody does where there are no projects.
    this.inForce.catch(() => {});
    this.registerOutputs({});
  }

  private run(name: string, { host, names, image }: GuardArgs): docker.Container {
    return new docker.Container(
      name,
      {
        ...hardenedOptions,
        name: names.guard,
        image,
        entrypoints: [GUARD_PROGRAM],
        user: "0:0",
        envs: [`OPENCODE_PLATFORM_TABLE=${names.packetTable}`],
        labels: labelList({ [names.platformLabel]: names.prefix }),
        networkMode: "host",
        capabilities: { drops: ["ALL"], adds: ["CAP_NET_ADMIN"] },
        volumes: [
          { hostPath: join(host.runtimeDir, GUARD_DIR), containerPath: "/run/guard", readOnly: true },
          ...(host.resolverDir
            ? [{ hostPath: host.resolverDir, containerPath: "/run/resolver", readOnly: true }]
            : []),
        ],
        healthcheck: {
          tests: ["CMD", GUARD_PROGRAM, "check"],
          interval: "30s",
          timeout: "10s",
          startPeriod: "10s",
          retries: 1,
        },
        readOnly: true,
        tmpfs: { "/tmp": "rw,noexec,nosuid,nodev,size=1m" },
        memory: 64,
        memorySwap: 64,
      },
      { parent: this, ...onHost(host), deleteBeforeReplace: true, replaceOnChanges: ["healthcheck"] },
    );
  }
}

/**
 * The shell script that writes the rules, from its standard input, and has them put in force; and the one for their end.
 * @param isNeeded whether it fails where they cannot be: else it only says so, as `doctor` and `npm start` do
 */
export function guardScript(
  names: Pick<Names, "guard">,
  directory: string,
  isNeeded: boolean,
): { create: string; delete: string } {
  const file = shellQuote(join(directory, "rules.nft"));
  const program = `docker exec ${names.guard} ${GUARD_PROGRAM}`;
  const create = [
    "set -eu",
    `mkdir -p ${shellQuote(directory)}`,
    // The guard is root without the right to read others' files; there is no secret in this one.
    `chmod 0755 ${shellQuote(directory)}`,
    `(umask 022; cat > ${file}.new)`,
    `mv -f ${file}.new ${file}`,
    `${program} check >&2${isNeeded ? "" : " || :"}`,
  ];
  return { create: create.join("\n"), delete: `${program} remove || :\nrm -f ${file}` };
}

async function ended(command: pulumi.CustomResource, isNeeded: boolean): Promise<void> {
  if (pulumi.runtime.isDryRun()) return;
  // Unlike an output's `apply`, this ends where the command has failed, too; the SDK then reports it.
  const id = await (
    command.id as unknown as { promise(withUnknowns: boolean): Promise<string | undefined> }
  ).promise(true);
  if (isNeeded && !id)
    throw new pulumi.RunError("the host's packet rules are not in force: no project is started without them");
}
