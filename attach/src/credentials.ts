/** Credentials that get a request past Cloudflare Access. */
import type { Cloudflared } from "./cloudflared.ts";
import { UserError } from "./errors.ts";

export interface Credentials {
  /** Headers for the next request. Renews a token that is about to expire. */
  headers(): Promise<Record<string, string>>;
  /** After Access refused these headers: true if there are other ones to retry with. */
  renew(refused: Record<string, string>): Promise<boolean>;
  /** A service token: there is no login to renew. */
  readonly machine: boolean;
}

/** Seconds before its expiry at which a token is renewed. */
const RENEWAL_MARGIN_MS = 60;
/** Milliseconds between two lookups of a newer token while the current one is valid. */
const LOOKUP_INTERVAL_MS = 10_000;
/** Milliseconds after a failed login before the next one. */
const RETRY_AFTER_FAILURE_MS = 30_000;

const HEADER = "cf-access-token";

/** For a platform on this machine, which has no login. */
export const anonymous: Credentials = {
  machine: false,
  headers: async () => ({}),
  renew: async () => false,
};

/** The service token from the environment, sent as two headers; undefined if not set. */
export function serviceToken(env: NodeJS.ProcessEnv): Credentials | undefined {
  const { CF_ACCESS_CLIENT_ID: id, CF_ACCESS_CLIENT_SECRET: secret } = env;
  if (!id && !secret) return undefined;
  if (!id || !secret)
    throw new UserError(
      "usage",
      `CF_ACCESS_CLIENT_${id ? "SECRET" : "ID"}`,
      `CF_ACCESS_CLIENT_${id ? "SECRET" : "ID"} is not set, but CF_ACCESS_CLIENT_${id ? "ID" : "SECRET"} is.`,
      "Set both, or unset both to log in as yourself.",
    );
  const headers = { "cf-access-client-id": id, "cf-access-client-secret": secret };
  return { machine: true, headers: async () => headers, renew: async () => false };
}

/** A person's stored token for one application; undefined if there is none that is still valid. Never asks for a login. */
export async function storedToken(source: Cloudflared, url: URL): Promise<Credentials | undefined> {
  const token = await source.storedToken(url);
  if (!token || expiry(token) <= Date.now()) return undefined;
  return { machine: false, headers: async () => ({ [HEADER]: token }), renew: async () => false };
}

/** A token's expiry, in milliseconds since the epoch; 0 if it is not a token. */
export function expiry(token: string): number {
  try {
    const claims = JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString("utf8"));
    return typeof claims.exp === "number" ? claims.exp * 1000 : 0;
  } catch {
    return 0;
  }
}

/** A person's token for one application. Concurrent requests share one call of cloudflared. */
export class PersonalToken implements Credentials {
  readonly machine = false;
  readonly #source: Cloudflared;
  readonly #url: URL;
  #token: string | undefined;
  #checkedAt = 0;
  #failed = Number.NEGATIVE_INFINITY;
  #pending: Promise<void> | undefined;

  constructor(source: Cloudflared, url: URL) {
    this.#source = source;
    this.#url = url;
  }

  async headers(): Promise<Record<string, string>> {
    const left = this.#remaining();
    if (left <= 0) await this.#shared(() => this.#logIn());
    // cloudflared stores a newer one only after another login, so this one may be used until it expires.
    else if (left < RENEWAL_MARGIN_MS * 1000 && Date.now() - this.#checkedAt > LOOKUP_INTERVAL_MS)
      await this.#shared(() => this.#readStoredToken());
    return this.#token ? { [HEADER]: this.#token } : {};
  }

  async renew(refused: Record<string, string>): Promise<boolean> {
    if (this.#token === refused[HEADER]) await this.#shared(() => this.#logIn());
    return this.#token !== undefined && this.#token !== refused[HEADER];
  }

  #remaining(): number {
    return this.#token ? expiry(this.#token) - Date.now() : 0;
  }

  async #shared(work: () => Promise<void>): Promise<void> {
    this.#pending ??= work().finally(() => {
      this.#pending = undefined;
    });
    await this.#pending;
  }

  async #readStoredToken(): Promise<void> {
    this.#checkedAt = Date.now();
    const found = await this.#source.storedToken(this.#url);
    if (found && expiry(found) > Date.now()) this.#token = found;
  }

  /** Tries the stored token first, unless it is the refused one. */
  async #logIn(): Promise<void> {
    const before = this.#token;
    await this.#readStoredToken();
    if (this.#token !== before && this.#remaining() > 0) return;
    if (Date.now() - this.#failed < RETRY_AFTER_FAILURE_MS) return;
    const found = await this.#source.login(this.#url);
    if (found && found !== before) this.#token = found;
    else this.#failed = Date.now();
  }
}
