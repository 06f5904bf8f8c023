/** The edge's own routes on an application's hostname: `/cdn-cgi/access/…`. */
import { Hono } from "hono";
import { deleteCookie, getCookie, setCookie } from "hono/cookie";
import { decodeJwt } from "jose";
import { authDomain, type State } from "../state.ts";
import { applicationAt, COOKIE } from "./gate.ts";
import type { Login } from "./login.ts";
import { problem } from "./pages.ts";
import type { Tokens } from "./tokens.ts";

const BASE = "/cdn-cgi/access";

const SAME_SITE = { none: "None", lax: "Lax", strict: "Strict" } as const;

/** Attributes of an application's cookie. */
export function cookieOptions(options: Record<string, unknown>, seconds: number) {
  const sameSite = SAME_SITE[options.same_site_cookie_attribute as keyof typeof SAME_SITE];
  return {
    path: "/",
    secure: true,
    httpOnly: options.http_only_cookie_attribute !== false,
    expires: new Date(Date.now() + seconds * 1000),
    ...(sameSite ? { sameSite } : {}),
  };
}

export function site(state: State, tokens: Tokens, login: Login): Hono {
  const app = new Hono();
  const hostname = (url: string) => new URL(url).hostname;
  app.get(`${BASE}/authorized`, (c) => {
    const host = hostname(c.req.url);
    const application = applicationAt(state, host);
    const handover = login.take(c.req.query("nonce") ?? "", host);
    if (!application || !handover) return c.html(problem("Invalid login session."), 400);
    setCookie(c, COOKIE, handover.token, cookieOptions(application.options, handover.seconds));
    return c.redirect(handover.back);
  });
  app.get(`${BASE}/certs`, async (c) => c.json(await tokens.published()));
  app.get(`${BASE}/logout`, async (c) => {
    const application = applicationAt(state, hostname(c.req.url));
    const session = application && (await tokens.session(application, getCookie(c, COOKIE) ?? ""));
    if (session?.email) state.revokedPeople.set(session.email.toLowerCase(), Date.now());
    deleteCookie(c, COOKIE, { path: "/", secure: true });
    return c.redirect(`https://${authDomain(state)}${BASE}/logout`);
  });
  app.get(`${BASE}/get-identity`, async (c) => {
    const application = applicationAt(state, hostname(c.req.url));
    const token = getCookie(c, COOKIE) ?? "";
    const session = application && (await tokens.session(application, token));
    if (!session) return c.json({ err: "no app token set" }, 400);
    if (!session.email) return c.json({ common_name: session.machine });
    return c.json({ ...login.identity(session.email), iat: decodeJwt(token).iat });
  });
  app.notFound((c) => c.html(problem("Unable to find your Access page."), 404));
  return app;
}
