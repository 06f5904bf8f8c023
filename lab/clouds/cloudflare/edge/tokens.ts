/** Access's tokens: who made them, for whom, and until when. */
import { randomUUID } from "node:crypto";
import { exportJWK, importX509, jwtVerify, SignJWT } from "jose";
import { milliseconds } from "../api/access.ts";
import { type Application, authDomain, hex, type Policy, type ServiceToken, type State } from "../state.ts";
import { makeSigningKey, type SigningKey } from "./certificates.ts";

/** A person, as their session on the team's domain knows them. */
export interface Person {
  readonly email: string;
  readonly provider: string;
}

/** What a valid application token says. */
export interface Session {
  readonly email?: string;
  /** Client id of a service token. */
  readonly machine?: string;
  readonly issuedAt: number;
}

export interface SignOptions {
  /** Hostname of the application that the token is for, or its audience tag. */
  readonly application: string;
  readonly email?: string;
  /** Seconds from now; below 0 for a token that has expired. An hour by default. */
  readonly expiresIn?: number;
  /** Signs with a key that is not Access's, under the id of the one that is. */
  readonly forged?: boolean;
  readonly issuer?: string;
}

/** Moments of issue to the millisecond, by nonce: `iat` has seconds only, too few to tell what came after a revocation. */
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

  /** What `/cdn-cgi/access/certs` answers. */
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

  /** A person's id in Access: the same for an e-mail as long as the stand-in lives. */
  subject(email: string): string {
    const known = this.#people.get(email) ?? randomUUID();
    this.#people.set(email, known);
    return known;
  }

  /** How long a policy, or else the application, lets a session last, in seconds. */
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

  /** The session on the team's domain, by which a person needn't log in again for another application. */
  forTeam({ email, provider }: Person): Promise<string> {
    return this.#sign(
      { aud: this.#state.account.id, type: "org", email, provider, sub: this.subject(email) },
      86_400,
    );
  }

  /** What tells `cloudflared access` about the application at a hostname. */
  metadata(app: Application): Promise<string> {
    const names = { hostname: app.domain, app_hostname: app.domain, auth_domain: authDomain(this.#state) };
    return this.#sign({ aud: app.aud, type: "match", ...names }, 86_400);
  }

  /** Any token, right or wrong, for tests. */
  sign({ application, email, expiresIn = 3600, forged, issuer }: SignOptions): Promise<string> {
    const apps = [...this.#state.applications.values()];
    const aud = apps.find((app) => app.domain === application)?.aud ?? application;
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
   * What an application's token says, if it is valid. The real Access asks the policies when it issues a token, and lets whoever holds it in
   * until it expires or is revoked, whatever has become of the policies; so does this.
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

  /** Who a team's session belongs to. */
  async person(token: string): Promise<Person | undefined> {
    const claims = await this.#verify(token);
    if (claims?.type !== "org" || this.#revoked(claims.email, this.#issuedAt(claims))) return undefined;
    return { email: String(claims.email), provider: String(claims.provider) };
  }
}
