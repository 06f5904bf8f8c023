import { join } from "node:path";
import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import { KEEPER_DIR, type Names, STORAGE_HOME } from "../../config/naming/names.ts";
import { hardenedOptions, labelList } from "../host/container.ts";
import { type Host, onHost } from "../host/host.ts";

/** Where its container has the workspaces, and what `storage/paths.mjs` calls the rest. */
const STORAGE_WORKSPACES_DIR = "/workspaces";

export interface StorageArgs {
  host: Host;
  names: Names;
  /** The platform's own image. */
  image: pulumi.Input<string>;
  /** Name of the volume with the keeper's socket for it, known once it exists. */
  storageVolume: pulumi.Input<string>;
  /** Without it, nobody stops a project for it. */
  keeper: pulumi.Resource;
  /** Once this has happened the workspaces' directory is there: Docker would make it with another owner. */
  ready: Promise<unknown>;
  /** Backups, where the stack has them: what its container gets for them. Default: none. */
  backup?: StorageBackup;
}

export interface StorageBackup {
  /** Files and directories of the host, and volumes. */
  mounts: pulumi.Input<docker.types.input.ContainerVolume>[];
  /** Without a secret, which `docker inspect` would show. Default: none. */
  envs?: pulumi.Input<string>[];
  /** What makes the mounted files. Default: nothing. */
  dependsOn?: pulumi.Resource[];
}

/**
 * The one container that has all workspaces, and does to a project's files as a whole what is done to them: checkpoints, roll-back, fork, backups. It has
 * no right to Docker, and asks the keeper to stop a project meanwhile. It listens on a socket within itself alone, which `docker exec` reaches.
 */
export class Storage extends pulumi.ComponentResource {
  constructor(name: string, args: StorageArgs, opts?: pulumi.ComponentResourceOptions) {
    super("opencode:platform:Storage", name, {}, opts);
    this.run(name, args);
    this.registerOutputs({});
  }

  private run(name: string, { host, names, image, storageVolume, keeper, ready, backup }: StorageArgs): void {
    const volumeName = pulumi.all([storageVolume, ready]).apply(([volume]) => volume);
    new docker.Container(
      name,
      {
        ...hardenedOptions,
        name: names.storage,
        image,
        entrypoints: ["/opt/opencode-platform/bin/node", "--max-old-space-size=128"],
        command: [`${STORAGE_HOME}/main.mjs`],
        user: "0:0",
        envs: ["MALLOC_ARENA_MAX=1", ...(backup?.envs ?? [])],
        labels: labelList({ [names.platformLabel]: names.prefix }),
        // Backups leave by the host's own ways, resolver and proxy; nothing here listens.
        networkMode: "host",
        // Subvolumes are root's of the machine; the files are those of each project's own user, and stay so.
        capabilities: { drops: ["ALL"], adds: CAPABILITIES },
        volumes: [
          { hostPath: host.workspacesDir, containerPath: STORAGE_WORKSPACES_DIR },
          {
            hostPath: join(host.runtimeDir, KEEPER_DIR),
            containerPath: "/run/storage/projects",
            readOnly: true,
          },
          { volumeName, containerPath: "/run/keeper/storage" },
          ...(backup?.mounts ?? []),
        ],
        readOnly: true,
        tmpfs: {
          "/tmp": "rw,noexec,nosuid,nodev,size=64m",
          "/run/storage-own": "rw,noexec,nosuid,nodev,size=1m,mode=0700",
        },
        // A backup's index is in memory.
        memory: 512,
        memorySwap: 512,
      },
      {
        parent: this,
        ...onHost(host),
        deleteBeforeReplace: true,
        dependsOn: [keeper, ...(backup?.dependsOn ?? [])],
      },
    );
  }
}

/** In the order in which Docker says them, or each update would see a change. */
const CAPABILITIES = [
  "CAP_CHOWN",
  "CAP_DAC_OVERRIDE",
  "CAP_DAC_READ_SEARCH",
  "CAP_FOWNER",
  "CAP_FSETID",
  "CAP_SYS_ADMIN",
];
