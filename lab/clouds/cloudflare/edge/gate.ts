/** Access in front of a hostname: which requests reach the origin. */
import { timingSafeEqual } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";
import { parse } from "hono/utils/cookie";
import { type Application, authDomain, type ServiceToken, type State } from "../state.ts";
import { admitsMachine, bypassed, policiesOf } from "./policies.ts";
import type { Tokens } from "./tokens.ts";

export const COOKIE = "CF_Authorization";

export type Passage =
  /** Admitted, with headers for the origin and for the visitor. */
  | {
      readonly kind: "pass";
      readonly assertion?: string;
      readonly email?: string;
      /** A token that the visitor does not have yet. */
      readonly fresh?: { readonly token: string; readonly seconds: number };
    }
  | { readonly kind: "login"; readonly location: string }
  | { readonly kind: "refused"; readonly status: 401 | 403 };

const one = (value: string | string[] | undefined): string | undefined => [value].flat()[0];

/** A cookie of a request, decoded. */
export const cookie = (headers: IncomingHttpHeaders, name: string): string | undefined =>
  parse(headers.cookie ?? "", name)[name];

function same(given: string, wanted: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(wanted)];
  return a.length === b.length && timingSafeEqual(a, b);
}

/** The service token of a request's id and secret. */
function serviceToken(state: State, headers: IncomingHttpHeaders): ServiceToken | undefined {
  const id = one(headers["cf-access-client-id"]);
  const secret = one(headers["cf-access-client-secret"]);
  if (!id || !secret) return undefined;
  const token = [...state.serviceTokens.values()].find((each) => each.client_id === id);
  const alive = token && Date.parse(token.expires_at) > Date.now();
  return alive && same(secret, token.client_secret) ? token : undefined;
}

/** URL of the login for a visitor. */
export function loginUrl(state: State, app: Application, hostname: string, path: string): string {
  const url = new URL(`https://${authDomain(state)}/cdn-cgi/access/login/${hostname}`);
  url.search = new URLSearchParams({ kid: app.aud, redirect_url: path }).toString();
  return url.toString();
}

export const applicationAt = (state: State, hostname: string): Application | undefined =>
  [...state.applications.values()].find((app) => app.hostnames.includes(hostname));

/** Decides on a request to an application's hostname. */
export async function passage(
  state: State,
  tokens: Tokens,
  app: Application,
  request: { headers: IncomingHttpHeaders; hostname: string; path: string },
): Promise<Passage> {
  const { headers, hostname, path } = request;
  if (bypassed(state, app)) return { kind: "pass" };
  const machine = serviceToken(state, headers);
  const policy = machine && admitsMachine(state, app, machine);
  if (machine && policy) {
    const seconds = tokens.duration(app, policy);
    const token = await tokens.forMachine(app, machine, seconds);
    return { kind: "pass", assertion: token, fresh: { token, seconds } };
  }
  for (const token of [one(headers["cf-access-token"]), cookie(headers, COOKIE)]) {
    const session = token ? await tokens.session(app, token) : undefined;
    if (session) return { kind: "pass", assertion: token, email: session.email };
  }
  // A page's own requests would be redirected to another origin and fail silently.
  if (app.service_auth_401_redirect || headers["x-requested-with"] === "XMLHttpRequest")
    return { kind: "refused", status: 401 };
  if (policiesOf(state, app, ["allow"]).length === 0) return { kind: "refused", status: 403 };
  return { kind: "login", location: loginUrl(state, app, hostname, path) };
}
