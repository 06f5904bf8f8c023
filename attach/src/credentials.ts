/** By what a request passes Access. */
import type { Cloudflared } from "./cloudflared.ts";
import { UserError } from "./errors.ts";

export interface Credentials {
  /** Headers for the next request. Renews what is about to expire. */
  headers(): Promise<Record<string, string>>;
  /** After a refusal: whether there is something else to try than the headers that were refused. */
  renew(refused: Record<string, string>): Promise<boolean>;
  /** Whether a machine's, which nobody can log in for. */
  readonly machine: boolean;
}

/** Seconds before its end from which a token is renewed. */
const RENEWAL_MARGIN_MS = 60;
/** Milliseconds between two looks for a newer one while it is still good. */
const LOOKUP_INTERVAL_MS = 10_000;
/** Milliseconds in which nobody is asked to log in again after a login that failed. */
const RETRY_AFTER_FAILURE_MS = 30_000;

const HEADER = "cf-access-token";

/** For a platform on this machine, where nobody logs in. */
export const anonymous: Credentials = {
  machine: false,
  headers: async () => ({}),
  renew: async () => false,
};

/** A service token, which Access takes as two headers; undefined where the environment has none. */
export function serviceToken(env: NodeJS.ProcessEnv): Credentials | undefined {
  const { CF_ACCESS_CLIENT_ID: id, CF_ACCESS_CLIENT_SECRET: secret } = env;
  if (!id && !secret) return undefined;
  if (!id || !secret)
    throw new UserError(
      "usage",
      `CF_ACCESS_CLIENT_${id ? "SECRET" : "ID"}`,
      `CF_ACCESS_CLIENT_${id ? "SECRET" : "ID"} is not set, and its other half is.`,
      "Set both, or neither to log in as yourself.",
    );
  const headers = { "cf-access-client-id": id, "cf-access-client-secret": secret };
  return { machine: true, headers: async () => headers, renew: async () => false };
}

/** When a token ends, in milliseconds; 0 for what is no token. */
export function expiry(token: string): number {
  try {
    const claims = JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString("utf8"));
    return typeof claims.exp === "number" ? claims.exp * 1000 : 0;
  } catch {
    return 0;
  }
}

/** A person's token for one application. However many requests wait for one, cloudflared is asked once. */
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
    // cloudflared has a newer one only once somebody has asked for it, so that a token may have to serve to its end.
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

  /** The stored token first, if it is another than the one that doesn't do. */
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
