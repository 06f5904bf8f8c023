/** Bypasses Access's check at the edge, so that tests can see the connector's own. */
import { Readable } from "node:stream";
import type { ReadableStream } from "node:stream/web";
import type { Connectors } from "./connectors.ts";
import { answerOf, open } from "./forward.ts";

/** Sends a request to a hostname's connector with unchanged headers, including `cf-access-jwt-assertion`. */
export type Bypass = (url: string | URL, init?: RequestInit) => Promise<Response>;

export function bypassTo(connectors: Connectors, tunnelOf: (hostname: string) => string | undefined): Bypass {
  return async (url, init = {}) => {
    const asked = new Request(url, { ...init, ...(init.body ? { duplex: "half" } : {}) } as RequestInit);
    const { hostname, pathname, search } = new URL(asked.url);
    const session = connectors.session(tunnelOf(hostname) ?? "");
    if (!session) throw new Error(`no connector serves ${hostname}`);
    const headers = Object.fromEntries(asked.headers);
    const request = { method: asked.method, path: pathname + search, hostname, headers, bare: !asked.body };
    const stream = open(session, request);
    if (asked.body) Readable.fromWeb(asked.body as ReadableStream).pipe(stream);
    const { status, headers: given } = await answerOf(stream);
    const received = new Headers();
    for (const [name, value] of given) received.append(name, value);
    const body = [204, 205, 304].includes(status)
      ? null
      : (Readable.toWeb(stream) as globalThis.ReadableStream);
    return new Response(body, { status, headers: received });
  };
}
