/**
 * API tokens and their permissions, by the API's names of permission groups; the dashboard shows "Edit" for
 * "Write".
 */
import type { Context, MiddlewareHandler } from "hono";
import { ApiError } from "./envelope.ts";

export type Scope = "account" | "zone";

const GROUPS = {
  "Account Settings": "account",
  "Cloudflare Tunnel": "account",
  "Access: Apps and Policies": "account",
  "Access: Organizations, Identity Providers, and Groups": "account",
  "Access: Service Tokens": "account",
  Zone: "zone",
  DNS: "zone",
} as const satisfies Record<string, Scope>;

export type Group = keyof typeof GROUPS;
export type Permission = `${Group} ${"Read" | "Write"}` | `${Group} Revoke`;

/** The least permissions for a production stack: without any one of them some call is rejected. */
export const LEAST_PERMISSIONS: readonly Permission[] = [
  "Cloudflare Tunnel Write",
  "Access: Apps and Policies Write",
  "Access: Organizations, Identity Providers, and Groups Write",
  "Access: Service Tokens Write",
  "Zone Read",
  "DNS Write",
];

export interface ApiEnv {
  Variables: { permissions: ReadonlySet<string> };
}

const FORM = /^(.+) (Read|Write|Revoke)$/;

/**
 * A token's permissions; the dashboard's "Edit" is accepted too. Throws for one that the stand-in does not
 * know.
 */
function permissionsOf(names: readonly string[]): ReadonlySet<string> {
  const all = names.map((name) => name.replace(/ Edit$/, " Write"));
  const unknown = all.filter((name) => !((FORM.exec(name)?.[1] ?? "") in GROUPS));
  if (unknown.length > 0)
    throw new Error(`the stand-in for Cloudflare does not know the permission ${unknown.join(", ")}`);
  return new Set(all);
}

/** Tokens by their value. */
export function readTokens(
  tokens: Readonly<Record<string, readonly string[]>>,
): Map<string, ReadonlySet<string>> {
  return new Map(Object.entries(tokens).map(([token, names]) => [token, permissionsOf(names)]));
}

function bearer(c: Context): string {
  const header = c.req.header("authorization");
  if (header === undefined)
    throw new ApiError(400, {
      code: 9106,
      message: "Missing X-Auth-Key, X-Auth-Email or Authorization headers",
    });
  const token = /^Bearer ([\w-]+)$/.exec(header)?.[1];
  if (token === undefined)
    throw new ApiError(400, {
      code: 6003,
      message: "Invalid request headers",
      error_chain: [{ code: 6111, message: "Invalid format for Authorization header" }],
    });
  return token;
}

/** Accepts known tokens. Permissions are checked by each call. */
export function authenticate(tokens: ReadonlyMap<string, ReadonlySet<string>>): MiddlewareHandler<ApiEnv> {
  return async (c, next) => {
    const permissions = tokens.get(bearer(c));
    if (!permissions) {
      if (c.req.path.endsWith("/user/tokens/verify"))
        throw new ApiError(401, { code: 1000, message: "Invalid API Token" });
      throw c.req.path.includes("/accounts/")
        ? new ApiError(403, { code: 10000, message: "Authentication error" })
        : new ApiError(403, { code: 9109, message: "Invalid access token" });
    }
    c.set("permissions", permissions);
    await next();
  };
}

/** Whether a token can read (or write) a permission group. Write includes read and revoke. */
export function may(c: Context<ApiEnv>, permission: Permission): boolean {
  const permissions = c.get("permissions");
  return permissions.has(permission) || permissions.has(permission.replace(FORM, "$1 Write"));
}

/** Rejects a call if the token lacks the permission. */
export function wants(permission: Permission): MiddlewareHandler<ApiEnv> {
  return async (c, next) => {
    if (!may(c, permission)) throw new ApiError(403, { code: 10000, message: "Authentication error" });
    await next();
  };
}

/** The permission that a call on a group requires: read for GET, write for the rest. */
export function governedBy(group: Group): MiddlewareHandler<ApiEnv> {
  const [read, write] = [wants(`${group} Read`), wants(`${group} Write`)];
  return (c, next) => (c.req.method === "GET" ? read(c, next) : write(c, next));
}
