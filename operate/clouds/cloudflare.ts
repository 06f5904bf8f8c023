import * as z from "zod";
import { type Call, type HttpOptions, makeCall, undefinedIfMissing } from "./http.ts";

export const CLOUDFLARE_URL = "https://api.cloudflare.com/client/v4";

export interface Zone {
  id: string;
  accountId: string;
}

export interface CloudflareResource {
  id: string;
  name: string;
  createdAt?: string;
}

export interface Application extends CloudflareResource {
  /** Identity providers on its login page. */
  identityProviders: readonly string[];
}

export interface IdentityProvider extends CloudflareResource {
  type: string;
  /** Client id of an OAuth provider. */
  clientId?: string;
}

/** A service token, which a machine shows. */
export interface ServiceToken extends CloudflareResource {
  /** When it stops to work, in ISO 8601. Absent: never. */
  expiresAt?: string;
}

export interface Tunnel extends CloudflareResource {
  /** `inactive`, `degraded`, `healthy`, `down`. */
  status: string;
  connections: number;
}

/** Kinds that can be removed, with their paths in the API. */
const PATHS = {
  tunnel: "cfd_tunnel",
  "Access application": "access/apps",
  "Access policy": "access/policies",
  "Access service token": "access/service_tokens",
  "Access identity provider": "access/identity_providers",
} as const;

export type CloudflareKind = keyof typeof PATHS | "DNS record";

/** The part of Cloudflare's API that lists and removes resources. */
export interface Cloudflare {
  zone(domain: string): Promise<Zone | undefined>;
  tunnel(zone: Zone, id: string): Promise<Tunnel | undefined>;
  tunnelsNamed(zone: Zone, name: string): Promise<Tunnel[]>;
  /** DNS records with a comment; the name is the whole hostname. */
  recordsWithComment(zone: Zone, comment: string): Promise<CloudflareResource[]>;
  applications(zone: Zone): Promise<Application[]>;
  policies(zone: Zone): Promise<CloudflareResource[]>;
  serviceTokens(zone: Zone): Promise<ServiceToken[]>;
  identityProviders(zone: Zone): Promise<IdentityProvider[]>;
  remove(zone: Zone, kind: CloudflareKind, id: string): Promise<void>;
}

const thing = z.object({ id: z.string(), name: z.string(), created_at: z.string().nullish() });
const toResource = ({ id, name, created_at }: z.output<typeof thing>): CloudflareResource => ({
  id,
  name,
  ...(created_at ? { createdAt: created_at } : {}),
});
const resourceSchema = thing.transform(toResource);

const applicationSchema = z
  .object({ ...thing.shape, name: z.string().default(""), allowed_idps: z.array(z.string()).nullish() })
  .transform(({ allowed_idps, ...rest }): Application => {
    return { ...toResource(rest), identityProviders: allowed_idps ?? [] };
  });

const providerSchema = z
  .object({
    ...thing.shape,
    type: z.string(),
    config: z.object({ client_id: z.string() }).partial().nullish(),
  })
  .transform(({ type, config, ...rest }): IdentityProvider => {
    return { ...toResource(rest), type, ...(config?.client_id ? { clientId: config.client_id } : {}) };
  });

const tokenSchema = z
  .object({ ...thing.shape, expires_at: z.string().nullish() })
  .transform(({ expires_at, ...rest }): ServiceToken => {
    return { ...toResource(rest), ...(expires_at ? { expiresAt: expires_at } : {}) };
  });

const tunnelSchema = z
  .object({ ...thing.shape, status: z.string().default(""), connections: z.array(z.unknown()).nullish() })
  .transform(({ status, connections, ...rest }): Tunnel => {
    return { ...toResource(rest), status, connections: connections?.length ?? 0 };
  });

const recordSchema = z
  .object({
    id: z.string(),
    name: z.string(),
    comment: z.string().nullish(),
    created_on: z.string().nullish(),
  })
  .transform(({ created_on, ...rest }) => ({ ...rest, ...(created_on ? { createdAt: created_on } : {}) }));

const zoneSchema = z
  .object({ id: z.string(), account: z.object({ id: z.string() }) })
  .transform(({ id, account }): Zone => ({ id, accountId: account.id }));

const errorsSchema = z.object({ errors: z.array(z.object({ code: z.number(), message: z.string() })) });
const explain = (body: unknown): string =>
  (errorsSchema.safeParse(body).data?.errors ?? [])
    .map(({ code, message }) => `${message} (${code})`)
    .join("; ");

/** A client of Cloudflare's API. */
export function cloudflare(
  options: Pick<HttpOptions, "token"> & Partial<Omit<HttpOptions, "cloud" | "explain">>,
): Cloudflare {
  const call = makeCall({ ...options, url: options.url ?? CLOUDFLARE_URL, cloud: "Cloudflare", explain });
  const all = <T>({ accountId }: Zone, kind: keyof typeof PATHS, schema: z.ZodType<T>, query = "") =>
    pages(call, `/accounts/${accountId}/${PATHS[kind]}?${query}`, schema);
  return {
    zone: async (domain) => (await pages(call, `/zones?name=${encodeURIComponent(domain)}&`, zoneSchema))[0],
    tunnel: ({ accountId }, id) =>
      undefinedIfMissing(
        call("GET", `/accounts/${accountId}/${PATHS.tunnel}/${id}`, result(tunnelSchema)).then(
          ({ result }) => result,
        ),
      ),
    tunnelsNamed: (zone, name) =>
      all(zone, "tunnel", tunnelSchema, `name=${encodeURIComponent(name)}&is_deleted=false&`),
    recordsWithComment: async ({ id }, comment) => {
      const path = `/zones/${id}/dns_records?comment.exact=${encodeURIComponent(comment)}&`;
      const records = await pages(call, path, recordSchema);
      return records
        .filter((record) => record.comment === comment)
        .map(({ comment: _, ...record }) => record);
    },
    applications: (zone) => all(zone, "Access application", applicationSchema),
    policies: (zone) => all(zone, "Access policy", resourceSchema),
    serviceTokens: (zone) => all(zone, "Access service token", tokenSchema),
    identityProviders: (zone) => all(zone, "Access identity provider", providerSchema),
    remove: async (zone, kind, id) => {
      const place =
        kind === "DNS record"
          ? `/zones/${zone.id}/dns_records`
          : `/accounts/${zone.accountId}/${PATHS[kind]}`;
      await undefinedIfMissing(call("DELETE", `${place}/${id}`, z.unknown()));
    },
  };
}

const result = <T>(schema: z.ZodType<T>) => z.object({ result: schema });
const infoSchema = z
  .object({ page: z.number(), per_page: z.number(), total_count: z.number(), total_pages: z.number() })
  .partial();

/** Reads all pages of a list. `path` must end where another parameter can follow. */
async function pages<T>(call: Call, path: string, schema: z.ZodType<T>): Promise<T[]> {
  const found: T[] = [];
  const page = z.object({ result: z.array(schema).nullable(), result_info: infoSchema.nullish() });
  for (let number = 1; ; number++) {
    const body = await call("GET", `${path}per_page=50&page=${number}`, page);
    const items = body.result ?? [];
    found.push(...items);
    const { total_pages, total_count, per_page = 50 } = body.result_info ?? {};
    const last = total_pages ?? (total_count === undefined ? 1 : Math.ceil(total_count / per_page));
    if (items.length === 0 || number >= last) return found;
  }
}
