/** Authentication. Behind Access every request has a token, verified here again in case a request bypasses Access. */
import { execFile } from "node:child_process";
import { hostname, userInfo } from "node:os";
import { promisify } from "node:util";
import {
  createLocalJWKSet,
  createRemoteJWKSet,
  customFetch,
  errors,
  type FetchImplementation,
  type JSONWebKeySet,
  type JWTPayload,
  type JWTVerifyGetKey,
  jwtVerify,
} from "jose";
import { HttpProblem } from "../api/problem.ts";
import type { Person } from "../platform/types.ts";

/** The header that Access adds to every request. */
export const TOKEN_HEADER = "Cf-Access-Jwt-Assertion";

/** Identifies a request's person. @throws HttpProblem (401, 503) */
export type Authenticate = (header: (name: string) => string | undefined) => Promise<Person>;

/** What tokens are verified against. */
export interface AccessSettings {
  /** The Zero Trust organisation: `<team>` or `<team>.cloudflareaccess.com`. */
  readonly team: string;
  /** Audience of the panel's Access application. */
  readonly audience: string;
  /** E-mail addresses of admins now, in lower case. */
  admins(): readonly string[];
}

/** For tests. */
export interface AccessOptions {
  readonly fetch?: FetchImplementation;
  /** Milliseconds between two fetches for an unknown key. */
  readonly cooldown?: number;
  /** Milliseconds until keys are fetched again. */
  readonly freshMs?: number;
  readonly now?: () => number;
}

const MINUTE = 60_000;
/** Keys are fetched again after ten minutes. */
const FRESH_MS = 10 * MINUTE;
/** While the key server is unreachable, the last keys are used for a day: Cloudflare rotates them every six weeks and keeps old ones a week. */
const STALE_KEYS_MS = 24 * 60 * MINUTE;
/** Allowed clock skew, in seconds. */
const CLOCK_TOLERANCE = 10;

export const issuerOf = (team: string): string =>
  `https://${team.includes(".") ? team : `${team}.cloudflareaccess.com`}`;

/** Verifies Access tokens. */
export function accessAuthentication(settings: AccessSettings, options: AccessOptions = {}): Authenticate {
  const issuer = issuerOf(settings.team);
  const keys = keySource(new URL(`${issuer}/cdn-cgi/access/certs`), options);
  return async (header) => {
    const token = header(TOKEN_HEADER);
    if (!token) throw unauthorized("Not signed in: the Access token is missing.");
    const payload = await verify(token, keys, {
      issuer,
      audience: settings.audience,
      algorithms: ["RS256"],
      requiredClaims: ["exp", "iat"],
      clockTolerance: CLOCK_TOLERANCE,
      ...(options.now ? { currentDate: new Date(options.now()) } : {}),
    });
    return personOf(payload, settings.admins());
  };
}

const unauthorized = (detail: string) =>
  new HttpProblem(401, detail, { headers: { "WWW-Authenticate": 'Bearer realm="Cloudflare Access"' } });

async function verify(
  token: string,
  keys: JWTVerifyGetKey,
  options: Parameters<typeof jwtVerify>[2],
): Promise<JWTPayload> {
  try {
    return (await jwtVerify(token, keys, options)).payload;
  } catch (error) {
    if (error instanceof KeysUnavailable)
      throw new HttpProblem(
        503,
        "Access's keys could not be fetched, so sign-ins can't be verified. Try again.",
        {
          headers: { "Retry-After": "10" },
        },
      );
    if (error instanceof errors.JWTExpired) throw unauthorized("Your sign-in has expired. Reload the page.");
    if (error instanceof errors.JOSEError || error instanceof TypeError)
      throw unauthorized("The Access token is not valid for this panel.");
    throw error;
  }
}

/** The person of a token, or the machine of a service token. */
function personOf(payload: JWTPayload, admins: readonly string[]): Person {
  const { email, common_name: machine, name, exp = 0 } = payload;
  const expiresAt = (exp + CLOCK_TOLERANCE) * 1000;
  if (typeof email === "string" && email.includes("@")) {
    const address = email.toLowerCase();
    const person = { email: address, kind: "person" as const, admin: admins.includes(address), expiresAt };
    return typeof name === "string" && name !== "" ? { ...person, name } : person;
  }
  if (typeof machine === "string" && machine !== "")
    return { email: machine, kind: "machine", admin: false, expiresAt };
  throw unauthorized("The Access token has neither an e-mail address nor a name.");
}

/** The key server is unreachable, or returned no keys. */
class KeysUnavailable extends Error {}

/** Signature keys: fetched on demand, again for an unknown key, and cached for when the key server is unreachable. */
function keySource(url: URL, options: AccessOptions): JWTVerifyGetKey {
  const now = options.now ?? Date.now;
  const remote = createRemoteJWKSet(url, {
    timeoutDuration: 5000,
    cooldownDuration: options.cooldown ?? 30_000,
    cacheMaxAge: options.freshMs ?? FRESH_MS,
    ...(options.fetch ? { [customFetch]: options.fetch } : {}),
  });
  let last: { keys: JSONWebKeySet; at: number } | undefined;
  return async (header, token) => {
    try {
      const key = await remote(header, token);
      const keys = remote.jwks();
      if (keys && keys !== last?.keys) last = { keys, at: now() };
      return key;
    } catch (error) {
      if (isTokenError(error)) throw error;
      if (!last || now() - last.at > STALE_KEYS_MS) throw new KeysUnavailable();
      return staleKey(last.keys, header, token);
    }
  };
}

/** Looks a key up in the cached keys. An unknown one may be new, so that is KeysUnavailable. */
async function staleKey(
  keys: JSONWebKeySet,
  header: Parameters<JWTVerifyGetKey>[0],
  token: Parameters<JWTVerifyGetKey>[1],
) {
  try {
    return await createLocalJWKSet(keys)(header, token);
  } catch (error) {
    if (error instanceof errors.JWKSNoMatchingKey) throw new KeysUnavailable();
    throw error;
  }
}

/** Whether the keys were fetched and the token is invalid. */
const isTokenError = (error: unknown): boolean =>
  error instanceof errors.JWKSNoMatchingKey ||
  error instanceof errors.JWKSMultipleMatchingKeys ||
  error instanceof errors.JOSENotSupported ||
  error instanceof errors.JOSEAlgNotAllowed ||
  error instanceof errors.JWSInvalid;

const run = promisify(execFile);

/** The person at this machine, from git's config; everybody who can reach loopback counts as that person. */
export async function localUser(checkout: string): Promise<Person> {
  const config = async (key: string) => {
    const { stdout } = await run("git", ["config", "--get", key], { cwd: checkout, timeout: 5000 }).catch(
      () => ({
        stdout: "",
      }),
    );
    return stdout.trim();
  };
  const [email, name] = await Promise.all([config("user.email"), config("user.name")]);
  return {
    email: email || `${userInfo().username}@${hostname()}`,
    ...(name ? { name } : {}),
    kind: "local",
    admin: true,
  };
}
