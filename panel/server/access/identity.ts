/** Who asks. Behind Access every request has a token, which is checked here again: a way past Access would otherwise be a way in. */
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

/** The header that Access puts on every request. */
export const TOKEN_HEADER = "Cf-Access-Jwt-Assertion";

/** Tells who a request is of. @throws Refusal (401, 503) */
export type Authenticate = (header: (name: string) => string | undefined) => Promise<Person>;

/** What tokens are checked against. */
export interface AccessSettings {
  /** The Zero Trust organisation's name: `<team>.cloudflareaccess.com`, or the whole of it. */
  readonly team: string;
  /** The panel's own Access application's audience. */
  readonly audience: string;
  /** E-mail addresses in lower case. */
  readonly admins: readonly string[];
}

/** For tests. */
export interface AccessOptions {
  readonly fetch?: FetchImplementation;
  /** How long no second look is taken for a key that is unknown. Milliseconds. */
  readonly cooldown?: number;
  /** How long keys count as fresh. Milliseconds. */
  readonly freshMs?: number;
  readonly now?: () => number;
}

const MINUTE = 60_000;
/** Keys are looked at again after ten minutes. */
const FRESH_MS = 10 * MINUTE;
/** While the key server cannot be reached the last keys hold for a day: Cloudflare changes keys every six weeks, the old ones hold for a week. */
const STALE_KEYS_MS = 24 * 60 * MINUTE;
/** Clocks differ. Seconds. */
const CLOCK_TOLERANCE = 10;

export const issuerOf = (team: string): string =>
  `https://${team.includes(".") ? team : `${team}.cloudflareaccess.com`}`;

/** Checks Access tokens. */
export function accessAuthentication(settings: AccessSettings, options: AccessOptions = {}): Authenticate {
  const issuer = issuerOf(settings.team);
  const keys = keySource(new URL(`${issuer}/cdn-cgi/access/certs`), options);
  return async (header) => {
    const token = header(TOKEN_HEADER);
    if (!token) throw unauthorized("You are not signed in: there is no Access token.");
    const payload = await verify(token, keys, {
      issuer,
      audience: settings.audience,
      algorithms: ["RS256"],
      requiredClaims: ["exp", "iat"],
      clockTolerance: CLOCK_TOLERANCE,
      ...(options.now ? { currentDate: new Date(options.now()) } : {}),
    });
    return personOf(payload, settings.admins);
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
        "Access' keys cannot be fetched, so that nobody's sign-in can be checked. Try again.",
        {
          headers: { "Retry-After": "10" },
        },
      );
    if (error instanceof errors.JWTExpired)
      throw unauthorized("Your sign-in has ended. Load the page again.");
    if (error instanceof errors.JOSEError || error instanceof TypeError)
      throw unauthorized("The Access token is not one for this panel.");
    throw error;
  }
}

/** Someone's e-mail address, or the name of a service token. */
function personOf(payload: JWTPayload, admins: readonly string[]): Person {
  const { email, common_name: machine, name } = payload;
  if (typeof email === "string" && email.includes("@")) {
    const address = email.toLowerCase();
    const person = { email: address, kind: "person" as const, admin: admins.includes(address) };
    return typeof name === "string" && name !== "" ? { ...person, name } : person;
  }
  if (typeof machine === "string" && machine !== "") return { email: machine, kind: "machine", admin: false };
  throw unauthorized("The Access token names nobody.");
}

/** The key server cannot be reached, or does not answer with keys. */
class KeysUnavailable extends Error {}

/** Keys of the token's signature: fetched when they are wanted, again when one is unknown, and kept for when they cannot be. */
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

/** A key that the last keys do not have may be a new one: that cannot be told now. */
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

/** Whether the keys were there and the token is at fault. */
const isTokenError = (error: unknown): boolean =>
  error instanceof errors.JWKSNoMatchingKey ||
  error instanceof errors.JWKSMultipleMatchingKeys ||
  error instanceof errors.JOSENotSupported ||
  error instanceof errors.JOSEAlgNotAllowed ||
  error instanceof errors.JWSInvalid;

const run = promisify(execFile);

/** The person at this machine: whoever can reach the loopback and has this user's files is that person. */
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
