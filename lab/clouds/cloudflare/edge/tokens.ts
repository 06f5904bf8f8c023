/** Access's tokens: issuer, audience and expiry. */
import { randomUUID } from "node:crypto";
import { exportJWK, importX509, jwtVerify, SignJWT } from "jose";
import { milliseconds } from "../api/access.ts";
import { type Application, authDomain, hex, type Policy, type ServiceToken, type State } from "../state.ts";
import { makeSigningKey, type SigningKey } from "./certificates.ts";

/** A person in a session on the team's domain. */
export interface Person {
  readonly email: string;
  readonly provider: string;
}

/** The content of a valid application token. */
export interface Session {
  readonly email?: string;
  /** Client id of a service token. */
  readonly machine?: string;
  readonly issuedAt: number;
}

export interface SignOptions {
  /** Hostname of the token's application, or its audience tag. */
  readonly application: string;
  readonly email?: string;
  /** Seconds from now; negative for an expired token. Default: an hour. */
  readonly expiresIn?: number;
  /** Signs with another key under the id of Access's key. */
  readonly forged?: boolean;
  readonly issuer?: string;
}

/** Times of issue in milliseconds, by nonce: `iat` only has seconds, too coarse for a revocation. */
const KEPT = 10_000;

export class Tokens {
  readonly #state: State;
  readonly #key: SigningKey;
  readonly #issued = new Map<string, number>();
  readonly #people = new Map<string, string>();
  #forger: SigningKey | undefined;

  constructor(state: State, key: SigningKey) {
    this.#state = state;
    this.#key = key;
  }

  get issuer(): string {
    return `https://${authDomain(this.#state)}`;
  }

  /** The content of `/cdn-cgi/access/certs`. */
  async published() {
    const { kid, certificate } = this.#key;
    const jwk = await exportJWK(await importX509(certificate, "RS256", { extractable: true }));
    const cert = { kid, cert: certificate };
    return { keys: [{ ...jwk, kid, alg: "RS256", use: "sig" }], public_cert: cert, public_certs: [cert] };
  }

  #sign(claims: Record<string, unknown>, seconds: number, key: SigningKey = this.#key): Promise<string> {
    const now = Math.floor(Date.now() / 1000);
    const nonce = hex(8);
    this.#issued.set(nonce, Date.now());
    if (this.#issued.size > KEPT) this.#issued.delete(this.#issued.keys().next().value ?? "");
    const issued = seconds < 0 ? now + seconds - 3600 : now;
    return new SignJWT({
      iss: this.issuer,
      iat: issued,
      nbf: issued,
      exp: now + seconds,
      identity_nonce: nonce,
      ...claims,
    })
      .setProtectedHeader({ alg: "RS256", kid: this.#key.kid, typ: "JWT" })
      .sign(key.privateKey);
  }

  /** A person's id in Access: stable for an e-mail during the stand-in's life. */
  subject(email: string): string {
    const known = this.#people.get(email) ?? randomUUID();
    this.#people.set(email, known);
    return known;
  }

  /** Duration of a session in seconds, from the policy or the application. */
  duration(app: Application, policy?: Policy): number {
    const length = policy?.session_duration ?? app.session_duration;
    return Math.round((milliseconds(length) ?? 0) / 1000);
  }

  forPerson(app: Application, { email }: Person, seconds: number): Promise<string> {
    const person = { email, sub: this.subject(email), country: "DE" };
    return this.#sign({ aud: [app.aud], type: "app", ...person }, seconds);
  }

  forMachine(app: Application, token: ServiceToken, seconds: number): Promise<string> {
    return this.#sign({ aud: app.aud, type: "app", common_name: token.client_id, sub: "" }, seconds);
  }

  /** The session on the team's domain, which avoids another login for the next application. */
  forTeam({ email, provider }: Person): Promise<string> {
    return this.#sign(
      { aud: this.#state.account.id, type: "org", email, provider, sub: this.subject(email) },
      86_400,
    );
  }

  /** The metadata of a hostname's application for `cloudflared access`. */
  metadata(app: Application, hostname: string): Promise<string> {
    const names = { hostname, app_hostname: app.domain, auth_domain: authDomain(this.#state) };
    return this.#sign({ aud: app.aud, type: "match", ...names }, 86_400);
  }

  /** Any token, valid or not, for tests. */
  sign({ application, email, expiresIn = 3600, forged, issuer }: SignOptions): Promise<string> {
    const apps = [...this.#state.applications.values()];
    const aud = apps.find((app) => app.hostnames.includes(application))?.aud ?? application;
    if (forged) this.#forger ??= makeSigningKey("forger");
    const person = email ? { email, sub: this.subject(email), country: "DE" } : { sub: "" };
    const claims = { aud: [aud], type: "app", ...person, ...(issuer ? { iss: issuer } : {}) };
    return this.#sign(claims, expiresIn, forged ? this.#forger : this.#key);
  }

  async #verify(token: string): Promise<Record<string, unknown> | undefined> {
    try {
      const key = await importX509(this.#key.certificate, "RS256");
      return (await jwtVerify(token, key, { issuer: this.issuer, algorithms: ["RS256"] })).payload;
    } catch {
      return undefined;
    }
  }

  #issuedAt({ identity_nonce, iat }: Record<string, unknown>): number {
    return this.#issued.get(String(identity_nonce)) ?? Number(iat) * 1000;
  }

  #revoked(email: unknown, issuedAt: number): boolean {
    return issuedAt <= (this.#state.revokedPeople.get(String(email).toLowerCase()) ?? 0);
  }

  /**
   * The content of an application's token, if it is valid. Like the real Access, this only checks policies
   * when it issues a token; the token then admits its holder until it expires or is revoked.
   */
  async session(app: Application, token: string): Promise<Session | undefined> {
    const claims = await this.#verify(token);
    if (claims?.type !== "app" || ![claims.aud].flat().includes(app.aud)) return undefined;
    const issuedAt = this.#issuedAt(claims);
    if (issuedAt <= app.revokedBefore || this.#revoked(claims.email, issuedAt)) return undefined;
    return {
      issuedAt,
      ...(claims.email ? { email: String(claims.email) } : {}),
      ...(claims.common_name ? { machine: String(claims.common_name) } : {}),
    };
  }

  /** The owner of a team's session. */
  async person(token: string): Promise<Person | undefined> {
    const claims = await this.#verify(token);
    if (claims?.type !== "org" || this.#revoked(claims.email, this.#issuedAt(claims))) return undefined;
    return { email: String(claims.email), provider: String(claims.provider) };
  }
}
