/** Pages of Cloudflare's edge and of Access. */
import { html } from "hono/html";

type Content = ReturnType<typeof html>;

const frame = (title: string, body: Content): Content => html`<!doctype html>
<html lang="en">
  <head><meta charset="utf-8"><title>${title}</title></head>
  <body><main>${body}</main><footer>stand-in for Cloudflare</footer></body>
</html>`;

/** An error page of the edge, such as 1033 for a tunnel without a connector. */
export const edgeError = (code: number, what: string, hostname: string): Content =>
  frame(`${hostname} | ${code}: ${what}`, html`<h1>Error ${code}</h1><h2>${what}</h2><p>${hostname}</p>`);

export const denied = (email: string): Content =>
  frame(
    "Error ・ Cloudflare Access",
    html`<h1>That account does not have access.</h1>
      <p>You are signed in as <b>${email}</b>.</p>
      <p><a href="/cdn-cgi/access/logout">Log out</a></p>`,
  );

export const forbidden = (): Content =>
  frame(
    "Forbidden ・ Cloudflare Access",
    html`<h1>Forbidden</h1><p>You don't have permission to view this. Please contact your system administrator.</p>`,
  );

export const problem = (message: string): Content =>
  frame("Error ・ Cloudflare Access", html`<h1>Error</h1><p>${message}</p>`);

/** The page to choose a login method. */
export const signIn = (
  application: string,
  providers: readonly { id: string; name: string; type: string }[],
  attempt: string,
): Content =>
  frame(
    "Sign in ・ Cloudflare Access",
    html`<h1>Log in to ${application}</h1>
      ${providers.map(({ id, name, type }) =>
        type === "onetimepin"
          ? html`<form method="post" action="/cdn-cgi/access/send-code">
              <input type="hidden" name="state" value="${attempt}">
              <input type="hidden" name="provider" value="${id}">
              <label>Email <input type="email" name="email" required></label>
              <button type="submit">Send me a code</button>
            </form>`
          : html`<p><a href="/cdn-cgi/access/start?state=${attempt}&provider=${id}">Sign in with ${name}</a></p>`,
      )}`,
  );

export const enterCode = (email: string, attempt: string, wrong: boolean): Content =>
  frame(
    "Enter code ・ Cloudflare Access",
    html`<h1>Enter code</h1>
      ${wrong ? html`<p role="alert">That code is not valid. Request a new one and try again.</p>` : ""}
      <p>A code has been emailed to ${email}, if it may log in here.</p>
      <form method="post" action="/cdn-cgi/access/verify-code">
        <input type="hidden" name="state" value="${attempt}">
        <label>Code <input name="code" inputmode="numeric" required autofocus></label>
        <button type="submit">Sign in</button>
      </form>`,
  );

export const loggedOut = (): Content =>
  frame("Logged out ・ Cloudflare Access", html`<h1>You are logged out.</h1>`);

/** Google's login page. */
export const googleSignIn = (query: string): Content =>
  frame(
    "Sign in - Google Accounts",
    html`<h1>Sign in with Google</h1>
      <form method="post" action="/signin?${query}">
        <label>Email or phone <input type="email" name="email" required autofocus></label>
        <button type="submit">Next</button>
      </form>`,
  );

export const googleRefusal = (code: number, error: string): Content =>
  frame(
    "Error - Google Accounts",
    html`<h1>Access blocked: Authorization Error</h1><p>Error ${code}: ${error}</p>`,
  );
