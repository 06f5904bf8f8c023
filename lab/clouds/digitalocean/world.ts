/** The account that the stand-in serves. */
import { randomInt, randomUUID } from "node:crypto";
import { notFound } from "./errors.ts";

export interface Key {
  id: number;
  name: string;
  fingerprint: string;
  publicKey: string;
}

export interface Vpc {
  id: string;
  name: string;
  description: string;
  region: string;
  ipRange: string;
  default: boolean;
  createdAt: string;
}

/** Sources or destinations of a firewall's rule. */
export interface Target {
  addresses?: string[];
  droplet_ids?: number[];
  load_balancer_uids?: string[];
  kubernetes_ids?: string[];
  tags?: string[];
}

export interface Rule {
  protocol: "tcp" | "udp" | "icmp";
  /** `22`, `8000-9000`, or `0` for all. */
  ports: string;
  target: Target;
}

export interface Firewall {
  id: string;
  name: string;
  status: "waiting" | "succeeded" | "failed";
  createdAt: string;
  inbound: Rule[];
  outbound: Rule[];
  dropletIds: number[];
  tags: string[];
}

export interface Volume {
  id: string;
  name: string;
  description: string;
  region: string;
  size: number;
  filesystemType: string;
  filesystemLabel: string;
  tags: string[];
  createdAt: string;
  dropletId: number | undefined;
}

export interface Snapshot {
  id: string;
  name: string;
  volumeId: string;
  region: string;
  size: number;
  filesystemType: string;
  filesystemLabel: string;
  tags: string[];
  createdAt: string;
}

export interface SpacesKey {
  accessKey: string;
  secret: string;
  name: string;
  grants: { bucket: string; permission: "read" | "readwrite" | "fullaccess" }[];
  createdAt: string;
}

export interface Droplet {
  id: number;
  name: string;
  region: string;
  size: string;
  /** Size of its disk; a resize may keep it. */
  disk: number;
  image: string;
  vpcId: string;
  tags: string[];
  features: string[];
  status: "new" | "active" | "off";
  createdAt: string;
  keys: Key[];
  userData: string;
  /** Set at its first start. */
  address: { ip: string; gateway: string; netmask: string; privateIp: string } | undefined;
}

export interface Action {
  id: number;
  type: string;
  status: "in-progress" | "completed" | "errored";
  startedAt: string;
  completedAt: string | undefined;
  /** The action's resource: `droplet 17`, `volume <id>`. */
  resourceType: "droplet" | "volume";
  resourceId: number | string;
  region: string;
}

export interface Project {
  id: string;
  name: string;
  description: string;
  purpose: string;
  environment: string;
  isDefault: boolean;
  createdAt: string;
  updatedAt: string;
}

/** The account's data, in memory; the calls enforce the API's rules. */
export class World {
  readonly keys = new Map<number, Key>();
  readonly tags = new Set<string>();
  readonly vpcs = new Map<string, Vpc>();
  readonly firewalls = new Map<string, Firewall>();
  readonly volumes = new Map<string, Volume>();
  readonly snapshots = new Map<string, Snapshot>();
  readonly droplets = new Map<number, Droplet>();
  readonly actions = new Map<number, Action>();
  readonly projects = new Map<string, Project>();
  readonly spacesKeys = new Map<string, SpacesKey>();
  /** Project of a resource by URN. Default: the default project. */
  readonly assigned = new Map<string, { projectId: string; at: string }>();
  /** Failed actions with their errors, which the API does not expose. */
  readonly failures: string[] = [];
  readonly #running = new Set<Promise<void>>();
  #next = randomInt(300_000_000, 500_000_000);

  constructor() {
    const at = now();
    const id = randomUUID();
    const purpose = "Just trying out DigitalOcean";
    const project = { id, name: "first-project", description: "", purpose, environment: "Development" };
    this.projects.set(id, { ...project, isDefault: true, createdAt: at, updatedAt: at });
  }

  /** An unused number. */
  number(): number {
    this.#next += randomInt(1, 50);
    return this.#next;
  }

  get defaultProject(): Project {
    return must([...this.projects.values()].find(({ isDefault }) => isDefault));
  }

  /** Tracks pending work. */
  track(work: Promise<void>): void {
    this.#running.add(work);
    void work.finally(() => this.#running.delete(work));
  }

  /** Waits until no work is pending. */
  async settle(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running);
  }

  /** The pending action on a resource. */
  pending(resourceId: number | string): Action | undefined {
    return [...this.actions.values()].find(
      (action) => action.resourceId === resourceId && action.status === "in-progress",
    );
  }

  /** Volumes attached to a droplet. */
  volumesOf(dropletId: number): Volume[] {
    return [...this.volumes.values()].filter((volume) => volume.dropletId === dropletId);
  }

  /** Whether a firewall covers a droplet, by id or tag. */
  covers(firewall: Firewall, droplet: Droplet): boolean {
    return (
      firewall.dropletIds.includes(droplet.id) || firewall.tags.some((tag) => droplet.tags.includes(tag))
    );
  }
}

/** The current time in the API's form. */
export const now = (): string => new Date().toISOString().replace(/\.\d+Z$/, "Z");

/** Returns the value, or throws a 404. */
export function must<T>(found: T | undefined, message?: string): T {
  if (found === undefined) throw notFound(message);
  return found;
}
