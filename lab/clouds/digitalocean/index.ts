/**
 * A stand-in for DigitalOcean: its HTTP API, backed by real machines (containers with systemd, sshd,
 * cloud-init and their own Docker), volumes (loop devices with ext4), firewalls (this machine's packet
 * filter) and a metadata service.
 */
import type { Server } from "node:http";
import { join } from "node:path";
import { createAdaptorServer } from "@hono/node-server";
import type { ExecResult } from "../../../toolchain/lib/exec.ts";
import { provision } from "../../../toolchain/provision.ts";
import { dropletImagePart } from "../../build/droplet-image.ts";
import { builders } from "../../build/index.ts";
import { Faults } from "../faults.ts";
import { listen } from "../http.ts";
import { type Api, type Heard, makeApp } from "./api.ts";
import { destroyDroplet } from "./calls/droplets.ts";
import { type Around, Host } from "./machine/host.ts";
import { metadataServer } from "./machine/metadata.ts";
import { type MachineNames, machineNames } from "./machine/names.ts";
import { PLATFORM_SCOPES } from "./scopes.ts";
import { type Firewall, type Key, must, type Project, type Volume, type Vpc, World } from "./world.ts";

export type { Heard } from "./api.ts";

export { PLATFORM_SCOPES } from "./scopes.ts";

const CHECKOUT = join(import.meta.dirname, "../../..");

export interface DigitalOceanOptions {
  /**
   * Prefix of its names in this machine's Docker. Leftovers of an earlier run with this name are removed
   * first.
   */
  name: string;
  token: string;
  /** The token's scopes. Default: what the platform needs. */
  scopes?: readonly string[];
  /** Surroundings of droplets, given this machine's address on their network. Default: none. */
  around?: (gateway: string) => Promise<Around>;
}

export interface DropletSeen {
  id: number;
  name: string;
  status: string;
  ip: string | undefined;
  container: string;
  tags: string[];
}

export interface DigitalOcean {
  /** The API's address, without `/v2`. */
  readonly url: string;
  /** This machine's address for droplets. */
  readonly gateway: string;
  readonly requests: readonly Heard[];
  readonly faults: Faults;
  /** Responses that did not match the API's description: defects of the stand-in. */
  readonly violations: readonly string[];
  /** Scopes that the token lacked. */
  readonly missingScopes: ReadonlySet<string>;
  /** Failed actions, with their errors. */
  readonly failures: readonly string[];
  droplets(): DropletSeen[];
  volumes(): Volume[];
  sshKeys(): Key[];
  tags(): string[];
  vpcs(): Vpc[];
  firewalls(): Firewall[];
  /** Without the default project, which always exists. */
  projects(): Project[];
  /** Runs a command in a droplet as root, without the network. */
  exec(dropletId: number, argv: readonly string[]): Promise<ExecResult>;
  /** Result of a connection from another machine on the droplets' network. */
  connectFromElsewhere(dropletId: number, port: number): Promise<"connected" | "refused">;
  /** Destroys the droplet as the control panel would. */
  destroyOutside(dropletId: number): Promise<void>;
  /** Waits until no action is pending. */
  settle(): Promise<void>;
  /** Removes everything. */
  stop(): Promise<void>;
}

/**
 * Starts the stand-in, as root on Linux with Docker. Builds the droplets' image if it is missing, which takes
 * minutes.
 */
export async function startDigitalOcean(options: DigitalOceanOptions): Promise<DigitalOcean> {
  await provision([dropletImagePart], { root: CHECKOUT, progress: "quiet", builders });
  const names = machineNames(options.name);
  const world = new World();
  const metadata = await listen(metadataServer(world));
  const { around = async () => ({}) } = options;
  const host = await Host.make({ names, around, metadataPort: metadata.port }).catch(async (error) => {
    await metadata.close();
    throw error;
  });
  const api: Api = {
    world,
    machines: host,
    faults: new Faults(),
    tokens: { [options.token]: options.scopes ?? PLATFORM_SCOPES },
    requests: [],
    violations: [],
    missingScopes: new Set(),
  };
  const server = createAdaptorServer({ fetch: makeApp(api).fetch });
  // Droplets use the same address, since an update may run on one.
  const { gateway } = host.network;
  const listening = await listen(server as Server, { host: gateway });
  const addressOf = (id: number) => must(world.droplets.get(id)).address?.ip ?? "";
  const stop = async () => {
    api.faults.release();
    await listening.close();
    await world.settle();
    await metadata.close();
    await host.stop();
  };
  return {
    url: `http://${gateway}:${listening.port}`,
    gateway,
    requests: api.requests,
    faults: api.faults,
    violations: api.violations,
    missingScopes: api.missingScopes,
    failures: world.failures,
    ...lists(world, names),
    exec: (id, argv) => host.run(id, argv),
    connectFromElsewhere: (id, port) => host.connectFromElsewhere(addressOf(id), port),
    destroyOutside: (id) => destroyDroplet(world, host, must(world.droplets.get(id)).id),
    settle: () => world.settle(),
    stop,
  };
}

/** The world as plain lists. */
function lists(world: World, names: MachineNames) {
  return {
    droplets: () =>
      [...world.droplets.values()].map(({ id, name, status, address, tags }) => ({
        id,
        name,
        status,
        ip: address?.ip,
        container: names.container(id),
        tags,
      })),
    volumes: () => [...world.volumes.values()],
    sshKeys: () => [...world.keys.values()],
    tags: () => [...world.tags],
    vpcs: () => [...world.vpcs.values()],
    firewalls: () => [...world.firewalls.values()],
    projects: () => [...world.projects.values()].filter(({ isDefault }) => !isDefault),
  };
}
