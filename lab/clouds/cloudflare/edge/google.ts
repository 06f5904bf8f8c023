/**
 * Stand-in for Google's login (OpenID Connect, code flow): any e-mail is accepted, but clients must be known.
 */
import { Hono } from "hono";
import { hex } from "../state.ts";
import { googleRefusal, googleSignIn } from "./pages.ts";

export const GOOGLE_HOST = "accounts.google.com";

export interface GoogleClient {
  readonly clientId: string;
  readonly clientSecret: string;
}

interface Grant {
  readonly clientId: string;
  readonly redirect: string;
  readonly email: string;
}

export class Google {
  readonly #clients: readonly GoogleClient[];
  readonly #redirect: string;
  readonly #grants = new Map<string, Grant>();
  readonly app = new Hono();

  /** @param redirect the only URL for a client's codes */
  constructor(clients: readonly GoogleClient[], redirect: string) {
    this.#clients = clients;
    this.#redirect = redirect;
    this.app.get("/o/oauth2/v2/auth", (c) => {
      const refusal = this.#refusal(c.req.query());
      if (refusal) return c.html(googleRefusal(...refusal), refusal[0] === 401 ? 401 : 400);
      return c.html(googleSignIn(new URLSearchParams(c.req.query()).toString()));
    });
    this.app.post("/signin", async (c) => {
      const query = c.req.query();
      const refusal = this.#refusal(query);
      const { email } = await c.req.parseBody();
      if (refusal || typeof email !== "string") return c.html(googleRefusal(400, "invalid_request"), 400);
      const code = hex(16);
      this.#grants.set(code, { clientId: query.client_id ?? "", redirect: this.#redirect, email });
      const back = new URL(this.#redirect);
      back.search = new URLSearchParams({
        state: query.state ?? "",
        code,
        scope: query.scope ?? "",
      }).toString();
      return c.redirect(back.toString());
    });
  }

  #refusal(query: Record<string, string>): [number, string] | undefined {
    if (!this.#clients.some(({ clientId }) => clientId === query.client_id)) return [401, "invalid_client"];
    if (query.redirect_uri !== this.#redirect) return [400, "redirect_uri_mismatch"];
    if (query.response_type !== "code" || !query.scope?.includes("email")) return [400, "invalid_request"];
    return undefined;
  }

  /** Exchanges a code for the user's e-mail, once. Throws where Google would reject it. */
  exchange(code: string, clientId: string, clientSecret: string): string {
    const grant = this.#grants.get(code);
    this.#grants.delete(code);
    const client = this.#clients.find((each) => each.clientId === clientId);
    if (client?.clientSecret !== clientSecret) throw new Error("invalid_client");
    if (grant?.clientId !== clientId) throw new Error("invalid_grant");
    return grant.email;
  }
}
