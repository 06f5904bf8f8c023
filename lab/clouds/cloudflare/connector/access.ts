/** The connector's own check of Access tokens (`originRequest.access`). */
import { createRemoteJWKSet, customFetch, jwtVerify } from "jose";
import { type Network, read } from "./network.ts";

/** What to do with a request, based on its token. */
export type Verdict =
  | { readonly pass: true }
  /**
   * `status`: 403 without a token or with another application's; 502 if verification fails, as in
   * cloudflared.
   */
  | { readonly pass: false; readonly status: 403 | 502; readonly reason: string };

export type Access = (token: string | undefined) => Promise<Verdict>;

/** Verifies tokens against the team's published keys and `audiences`. */
export function accessCheck(team: string, audiences: readonly string[], network: Network): Access {
  const issuer = `https://${team}.cloudflareaccess.com`;
  const keys = createRemoteJWKSet(new URL(`${issuer}/cdn-cgi/access/certs`), {
    [customFetch]: async (url: string) => {
      const { status, body } = await read(new URL(url), network);
      return new Response(body, { status });
    },
  });
  return async (token) => {
    if (!token) return { pass: false, status: 403, reason: "no access token in request" };
    try {
      // cloudflared checks signature, issuer and expiry first, then the audience separately.
      const { payload } = await jwtVerify(token, keys, { issuer });
      const given = [payload.aud ?? []].flat();
      if (given.some((audience) => audiences.includes(audience))) return { pass: true };
      return { pass: false, status: 403, reason: `Invalid token in jwt: [${given.join(" ")}]` };
    } catch (error) {
      return { pass: false, status: 502, reason: `AccessJWTValidator: ${(error as Error).message}` };
    }
  };
}
