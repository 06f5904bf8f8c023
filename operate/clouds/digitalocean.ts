import * as z from "zod";
import { type Call, type HttpOptions, makeCall, undefinedIfMissing } from "./http.ts";

export const DIGITALOCEAN_URL = "https://api.digitalocean.com";

export interface Droplet {
  id: string;
  name: string;
  /** `new`, `active`, `off`, `archive`. */
  status: string;
  createdAt: string;
  volumeIds: readonly string[];
  /** Such as `s-4vcpu-8gb`. */
  size: string;
  /** GiB. */
  disk: number;
}

export interface Size {
  slug: string;
  /** GiB. */
  disk: number;
}

export interface Volume {
  id: string;
  name: string;
  createdAt: string;
  /** Droplets it is attached to. */
  dropletIds: readonly string[];
}

export interface Named {
  id: string;
  name: string;
  createdAt?: string;
}

export interface SshKey extends Named {
  publicKey: string;
}

/** Kinds that can be removed, with their paths in the API. */
const PLACES = {
  droplet: "/v2/droplets",
  volume: "/v2/volumes",
  vpc: "/v2/vpcs",
  firewall: "/v2/firewalls",
  "ssh key": "/v2/account/keys",
  project: "/v2/projects",
} as const;

export type DigitalOceanKind = keyof typeof PLACES;

/** The part of DigitalOcean's API that lists and removes resources. */
export interface DigitalOcean {
  droplet(id: string): Promise<Droplet | undefined>;
  dropletsTagged(tag: string): Promise<Droplet[]>;
  volume(id: string): Promise<Volume | undefined>;
  volumesNamed(name: string): Promise<Volume[]>;
  /** Whether a volume was ever attached to a droplet, according to its actions. */
  wasEverAttached(volumeId: string): Promise<boolean>;
  vpcs(): Promise<Named[]>;
  firewalls(): Promise<Named[]>;
  sshKeys(): Promise<SshKey[]>;
  projects(): Promise<Named[]>;
  /** Sizes a droplet can have. */
  sizes(): Promise<Size[]>;
  remove(kind: DigitalOceanKind, id: string): Promise<void>;
}

const id = z.union([z.string(), z.number()]).transform(String);

const dropletSchema = z
  .object({
    id,
    name: z.string(),
    status: z.string(),
    created_at: z.string(),
    volume_ids: z.array(z.string()),
    size_slug: z.string(),
    disk: z.number(),
  })
  .transform(({ created_at, volume_ids, size_slug, ...rest }): Droplet => {
    return { ...rest, createdAt: created_at, volumeIds: volume_ids, size: size_slug };
  });

const sizeSchema = z.object({ slug: z.string(), disk: z.number() });

const volumeSchema = z
  .object({ id, name: z.string(), created_at: z.string(), droplet_ids: z.array(id).nullish() })
  .transform(({ id, name, created_at, droplet_ids }): Volume => {
    return { id, name, createdAt: created_at, dropletIds: droplet_ids ?? [] };
  });

const namedSchema = z
  .object({ id, name: z.string(), created_at: z.string().optional() })
  .transform(
    ({ id, name, created_at }): Named => ({ id, name, ...(created_at ? { createdAt: created_at } : {}) }),
  );

const sshKeySchema = z
  .object({ id, name: z.string(), public_key: z.string() })
  .transform(({ public_key, ...rest }): SshKey => ({ ...rest, publicKey: public_key }));

const actionSchema = z.object({ type: z.string() });
const errorSchema = z.object({ message: z.string() });
const linksSchema = z.object({
  links: z.object({ pages: z.object({ next: z.string() }).partial() }).partial(),
});

/** A client of DigitalOcean's API. */
export function digitalOcean(
  options: Pick<HttpOptions, "token"> & Partial<Omit<HttpOptions, "cloud" | "explain">>,
): DigitalOcean {
  const call = makeCall({
    ...options,
    url: options.url ?? DIGITALOCEAN_URL,
    cloud: "DigitalOcean",
    explain: (body) => errorSchema.safeParse(body).data?.message ?? "",
  });
  const one = <T>(path: string, key: string, schema: z.ZodType<T>) =>
    undefinedIfMissing(
      call(
        "GET",
        path,
        z.object({ [key]: schema }).transform((body) => body[key] as T),
      ),
    );
  return {
    droplet: (id) => one(`${PLACES.droplet}/${id}`, "droplet", dropletSchema),
    dropletsTagged: (tag) =>
      pages(call, `${PLACES.droplet}?tag_name=${encodeURIComponent(tag)}`, "droplets", dropletSchema),
    volume: (id) => one(`${PLACES.volume}/${id}`, "volume", volumeSchema),
    volumesNamed: (name) =>
      pages(call, `${PLACES.volume}?name=${encodeURIComponent(name)}`, "volumes", volumeSchema),
    wasEverAttached: async (id) => {
      const actions = await pages(call, `${PLACES.volume}/${id}/actions`, "actions", actionSchema);
      return actions.some(({ type }) => /attach/.test(type));
    },
    vpcs: () => pages(call, PLACES.vpc, "vpcs", namedSchema),
    firewalls: () => pages(call, PLACES.firewall, "firewalls", namedSchema),
    sshKeys: () => pages(call, PLACES["ssh key"], "ssh_keys", sshKeySchema),
    projects: () => pages(call, PLACES.project, "projects", namedSchema),
    sizes: () => pages(call, "/v2/sizes", "sizes", sizeSchema),
    remove: async (kind, id) => {
      await undefinedIfMissing(call("DELETE", `${PLACES[kind]}/${id}`, z.unknown()));
    },
  };
}

/** Reads all pages of a list. */
async function pages<T>(call: Call, path: string, key: string, schema: z.ZodType<T>): Promise<T[]> {
  const page = z.object({ [key]: z.array(schema).nullable() });
  const found: T[] = [];
  for (let number = 1; ; number++) {
    const query = `${path.includes("?") ? "&" : "?"}per_page=200&page=${number}`;
    const body = await call("GET", `${path}${query}`, z.intersection(page, linksSchema.partial()));
    const items = (body[key as keyof typeof body] ?? []) as T[];
    found.push(...items);
    if (!body.links?.pages?.next || items.length === 0) return found;
  }
}
