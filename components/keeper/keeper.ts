import { join } from "node:path";
import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import { KEEPER_DIR, type Names, ROUTES_DIR } from "../../config/naming/names.ts";
import { hardenedOptions, labelList } from "../host/container.ts";
import { type Host, onHost } from "../host/host.ts";

/** The image's folder of it. */
const KEEPER_HOME = "/usr/local/lib/opencode-platform/keeper";

export interface KeeperArgs {
  host: Host;
  names: Names;
  /** The platform's own image. */
  image: pulumi.Input<string>;
  /** Port of the gateway, on 127.0.0.1 of the host. */
  port: number;
  /** Whether there is a panel that runs no updates. Default: no. */
  hasReducedPanel?: boolean;
}

/**
 * The one process beside the panel's runner that holds Docker's socket: it pauses projects that nobody uses, moves their memory to swap, and wakes
 * them. It is told by a file for each project, which updates write, and asked over a socket, so that what faces people has no right to Docker.
 */
export class Keeper extends pulumi.ComponentResource {
  /** Its container, without which nobody serves those sockets. */
  readonly container: docker.Container;
  /** Name of the volume with the socket by which a project is woken, known once it exists. */
  readonly wakeVolume: pulumi.Output<string>;
  /** Name of the volume with Docker's socket for the gateway. */
  readonly dockerVolume: pulumi.Output<string>;
  /** Name of the volume with the socket by which projects are frozen and stopped for what is done to their files; its leases are there, too. */
  readonly storageVolume: pulumi.Output<string>;
  /** The same for a panel that runs no updates, where there is one. */
  readonly panelDockerVolume: pulumi.Output<string> | undefined;

  constructor(name: string, args: KeeperArgs, opts?: pulumi.ComponentResourceOptions) {
    super("opencode:platform:Keeper", name, {}, opts);
    const { names } = args;
    this.wakeVolume = this.makeVolume("wake", names.wakeVolume, args);
    this.dockerVolume = this.makeVolume("docker", names.dockerVolume, args);
    this.storageVolume = this.makeVolume("storage", names.storageVolume, args);
    if (args.hasReducedPanel)
      this.panelDockerVolume = this.makeVolume("docker-panel", names.panelDockerVolume, args);
    this.container = this.run(name, args);
    this.registerOutputs({});
  }

  private makeVolume(name: string, called: string, { host, names }: KeeperArgs): pulumi.Output<string> {
    return new docker.Volume(
      `keeper-${name}`,
      { name: called, labels: labelList({ [names.platformLabel]: names.prefix }) },
      { parent: this, ...onHost(host), deleteBeforeReplace: true },
    ).name;
  }

  private run(name: string, { host, names, image, port }: KeeperArgs): docker.Container {
    return new docker.Container(
      name,
      {
        ...hardenedOptions,
        name: names.keeper,
        image,
        entrypoints: ["/opt/opencode-platform/bin/node", ...NODE_OPTIONS],
        command: [`${KEEPER_HOME}/main.mjs`],
        user: "0:0",
        envs: [
          `OPENCODE_PLATFORM_PREFIX=${names.prefix}`,
          `OPENCODE_PLATFORM_GATEWAY_PORT=${port}`,
          // Each thread would keep its own part of the heap.
          "MALLOC_ARENA_MAX=1",
          "UV_THREADPOOL_SIZE=2",
        ],
        labels: labelList({ [names.platformLabel]: names.prefix }),
        // It reaches the gateway on loopback, and projects on their bridges; and by their processes what waits in their sockets.
        networkMode: "host",
        pidMode: "host",
        // Docker adds it where the processes are the host's, and the provider would replace the container in each update.
        securityOpts: [...hardenedOptions.securityOpts, "label=disable"],
        // Else /proc says where the others' groups are from this one's.
        cgroupnsMode: "host",
        // The files are 0600 and belong to whoever runs the update; whoever holds Docker's socket has that anyway.
        capabilities: { drops: ["ALL"], adds: ["CAP_DAC_OVERRIDE"] },
        volumes: [
          { hostPath: host.dockerSocket, containerPath: "/var/run/docker.sock" },
          { hostPath: "/sys/fs/cgroup", containerPath: "/sys/fs/cgroup" },
          { hostPath: join(host.runtimeDir, ROUTES_DIR), containerPath: "/run/keeper/routes" },
          {
            hostPath: join(host.runtimeDir, KEEPER_DIR),
            containerPath: "/run/keeper/projects",
            readOnly: true,
          },
          { volumeName: this.wakeVolume, containerPath: "/run/keeper/wake" },
          { volumeName: this.dockerVolume, containerPath: "/run/keeper/docker" },
          { volumeName: this.storageVolume, containerPath: "/run/keeper/storage" },
          ...(this.panelDockerVolume
            ? [{ volumeName: this.panelDockerVolume, containerPath: "/run/keeper/panel" }]
            : []),
        ],
        readOnly: true,
        tmpfs: { "/tmp": "rw,noexec,nosuid,nodev,size=1m" },
        // Beside itself, what `ask` runs for a moment.
        memory: 96,
        memorySwap: 96,
      },
      { parent: this, ...onHost(host), deleteBeforeReplace: true },
    );
  }
}

/** Its heap is 5 MiB; a larger young generation is only a larger process. */
const NODE_OPTIONS = ["--max-old-space-size=24", "--max-semi-space-size=1"];
