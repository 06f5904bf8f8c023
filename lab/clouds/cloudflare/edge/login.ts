/** Access's login: the team's domain with its forms, and the redirect back to the application. */
import { randomInt } from "node:crypto";
import { type Context, Hono } from "hono";
import { deleteCookie, getCookie, setCookie } from "hono/cookie";
import { type Application, authDomain, hex, type IdentityProvider, type State } from "../state.ts";
import { COOKIE } from "./gate.ts";
import { GOOGLE_HOST, type Google } from "./google.ts";
import { denied, enterCode, loggedOut, problem, signIn } from "./pages.ts";
import { admitsPerson } from "./policies.ts";
import type { Person, Tokens } from "./tokens.ts";

/** A user's attempt to log in. */
interface Attempt {
  readonly app: Application;
  /** Which of the application's hostnames is asked for, and the path there. */
  readonly hostname: string;
  readonly back: string;
  provider?: string;
  email?: string;
  code?: string;
}

/** A token on its way from the team's domain to the hostname's cookie. */
export interface Handover {
  readonly token: string;
  readonly seconds: number;
  readonly back: string;
  readonly hostname: string;
}

const BASE = "/cdn-cgi/access";

export class Login {
  readonly #state: State;
  readonly #tokens: Tokens;
  readonly #google: Google;
  readonly #attempts = new Map<string, Attempt>();
  readonly #handovers = new Map<string, Handover>();
  /** Codes that were sent by e-mail (in lower case), newest last. */
  readonly codes = new Map<string, string[]>();
  readonly app = new Hono();

  constructor(state: State, tokens: Tokens, google: Google) {
    this.#state = state;
    this.#tokens = tokens;
    this.#google = google;
    const app = this.app;
    app.get(`${BASE}/login/:host`, (c) => this.#begin(c, c.req.param("host")));
    app.get(`${BASE}/start`, (c) => this.#toProvider(c));
    app.get(`${BASE}/callback`, (c) => this.#fromGoogle(c));
    app.post(`${BASE}/send-code`, (c) => this.#sendCode(c));
    app.post(`${BASE}/verify-code`, (c) => this.#verifyCode(c));
    app.get(`${BASE}/certs`, async (c) => c.json(await this.#tokens.published()));
    app.get(`${BASE}/logout`, async (c) => {
      const person = await this.#tokens.person(getCookie(c, COOKIE) ?? "");
      if (person) this.#state.revokedPeople.set(person.email.toLowerCase(), Date.now());
      deleteCookie(c, COOKIE, { path: "/", secure: true });
      return c.html(loggedOut());
    });
    app.get(`${BASE}/get-identity`, async (c) => {
      const person = await this.#tokens.person(getCookie(c, COOKIE) ?? "");
      return person
        ? c.json(this.identity(person.email, person.provider))
        : c.json({ err: "no app token set" }, 400);
    });
    app.notFound((c) => c.html(problem("Unable to find your Access page."), 404));
  }

  /** The content of `get-identity` for a user. */
  identity(email: string, provider?: string) {
    const idp = this.#state.identityProviders.get(provider ?? "");
    return {
      email,
      name: email.split("@")[0],
      user_uuid: this.#tokens.subject(email),
      account_id: this.#state.account.id,
      ...(idp ? { idp: { id: idp.id, type: idp.type } } : {}),
      geo: { country: "DE" },
    };
  }

  /** Takes a handover, once. */
  take(nonce: string, hostname: string): Handover | undefined {
    const handover = this.#handovers.get(nonce);
    this.#handovers.delete(nonce);
    return handover?.hostname === hostname ? handover : undefined;
  }

  #providers(app: Application): IdentityProvider[] {
    const all = [...this.#state.identityProviders.values()];
    return app.allowed_idps.length === 0 ? all : all.filter(({ id }) => app.allowed_idps.includes(id));
  }

  async #begin(c: Context, host: string): Promise<Response> {
    const { kid, redirect_url = "/" } = c.req.query();
    const app = [...this.#state.applications.values()].find(
      (each) => each.aud === kid && each.hostnames.includes(host),
    );
    if (!app) return c.html(problem("Unable to find your Access application!"), 404);
    // Only the path is used: the redirect must not lead to another site.
    const back = new URL(redirect_url, `https://${host}`);
    const attempt: Attempt = {
      app,
      hostname: host,
      back: `/${`${back.pathname}${back.search}`.replace(/^\/+/, "")}`,
    };
    const person = await this.#tokens.person(getCookie(c, COOKIE) ?? "");
    const providers = this.#providers(app);
    if (person && providers.some(({ id }) => id === person.provider))
      return await this.#admit(c, attempt, person);
    const state = hex(16);
    this.#attempts.set(state, attempt);
    const [only] = providers;
    if (app.auto_redirect_to_identity && only?.type === "google" && providers.length === 1)
      return this.#goTo(c, state, attempt, only);
    return c.html(signIn(app.name, providers, state));
  }

  /** The attempt of a request, and the provider it names if the application has it. */
  #attempt(
    state: unknown,
    provider?: unknown,
  ): { attempt: Attempt; provider?: IdentityProvider } | undefined {
    const attempt = this.#attempts.get(String(state));
    if (!attempt) return undefined;
    const id = provider ?? attempt.provider;
    return { attempt, provider: this.#providers(attempt.app).find((each) => each.id === id) };
  }

  #toProvider(c: Context): Response | Promise<Response> {
    const { state = "", provider: id } = c.req.query();
    const { attempt, provider } = this.#attempt(state, id) ?? {};
    if (!attempt || provider?.type !== "google") return c.html(problem("Invalid login session."), 400);
    return this.#goTo(c, state, attempt, provider);
  }

  #goTo(c: Context, state: string, attempt: Attempt, provider: IdentityProvider): Response {
    attempt.provider = provider.id;
    const url = new URL(`https://${GOOGLE_HOST}/o/oauth2/v2/auth`);
    url.search = new URLSearchParams({
      client_id: provider.client_id ?? "",
      redirect_uri: `https://${authDomain(this.#state)}${BASE}/callback`,
      response_type: "code",
      scope: "openid email profile",
      state,
    }).toString();
    return c.redirect(url.toString());
  }

  async #fromGoogle(c: Context): Promise<Response> {
    const { state, code = "" } = c.req.query();
    const { attempt, provider } = this.#attempt(state) ?? {};
    if (!attempt || !provider) return c.html(problem("Invalid login session."), 400);
    try {
      const email = this.#google.exchange(code, provider.client_id ?? "", provider.client_secret ?? "");
      return await this.#identified(c, String(state), attempt, { email, provider: provider.id });
    } catch (error) {
      const why = `Failed to fetch user/group information from the identity provider: ${(error as Error).message}`;
      return c.html(problem(why), 400);
    }
  }

  async #sendCode(c: Context): Promise<Response> {
    const { state, provider: id, email } = await c.req.parseBody();
    const { attempt, provider } = this.#attempt(state, id) ?? {};
    if (!attempt || provider?.type !== "onetimepin" || typeof email !== "string")
      return c.html(problem("Invalid login session."), 400);
    Object.assign(attempt, { email, provider: provider.id, code: undefined });
    // A person who is not admitted gets no code and no error.
    if (admitsPerson(this.#state, attempt.app, { email, provider: provider.id })) {
      attempt.code = String(randomInt(1_000_000)).padStart(6, "0");
      const key = email.toLowerCase();
      this.codes.set(key, [...(this.codes.get(key) ?? []), attempt.code]);
    }
    return c.html(enterCode(email, String(state), false));
  }

  async #verifyCode(c: Context): Promise<Response> {
    const { state, code } = await c.req.parseBody();
    const { attempt } = this.#attempt(state) ?? {};
    if (!attempt?.email || !attempt.provider) return c.html(problem("Invalid login session."), 400);
    const right = attempt.code !== undefined && code === attempt.code;
    attempt.code = undefined; // single use
    if (!right) return c.html(enterCode(attempt.email, String(state), true), 400);
    return await this.#identified(c, String(state), attempt, {
      email: attempt.email,
      provider: attempt.provider,
    });
  }

  /** The user's identity has been verified. */
  async #identified(c: Context, state: string, attempt: Attempt, person: Person): Promise<Response> {
    this.#attempts.delete(state);
    setCookie(c, COOKIE, await this.#tokens.forTeam(person), {
      path: "/",
      httpOnly: true,
      secure: true,
      maxAge: 86_400,
    });
    return await this.#admit(c, attempt, person);
  }

  async #admit(c: Context, { app, hostname, back }: Attempt, person: Person): Promise<Response> {
    const policy = admitsPerson(this.#state, app, person);
    if (!policy) return c.html(denied(person.email), 403);
    const seconds = this.#tokens.duration(app, policy);
    const token = await this.#tokens.forPerson(app, person, seconds);
    const nonce = hex(16);
    this.#handovers.set(nonce, { token, seconds, back, hostname });
    return c.redirect(`https://${hostname}${BASE}/authorized?nonce=${nonce}`);
  }
}
