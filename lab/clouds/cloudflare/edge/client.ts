/** Reaches the edge without DNS, for tests. */

import { request as secureRequest } from "node:https";
import type { LookupFunction } from "node:net";
import { Readable } from "node:stream";
import type { ReadableStream } from "node:stream/web";

export interface EdgeAddress {
  readonly address: string;
  readonly port: number;
  /** PEM of the authority that signed the edge's certificate. */
  readonly ca: string;
}

export type EdgeFetch = (url: string | URL, init?: RequestInit) => Promise<Response>;

const NO_BODY = [204, 205, 304];

/** `fetch` that sends every host to the edge, trusts its authority, and does not follow redirects. */
export function edgeFetch({ address, port, ca }: EdgeAddress): EdgeFetch {
  return (url, init = {}) => {
    const asked = new Request(url, {
      ...init,
      redirect: "manual",
      ...(init.body ? { duplex: "half" } : {}),
    } as RequestInit);
    const { host, hostname, pathname, search } = new URL(asked.url);
    const headers = { ...Object.fromEntries(asked.headers), host };
    const target = { host: address, port, servername: hostname, ca, path: pathname + search, agent: false };
    return new Promise((resolve, reject) => {
      const sent = secureRequest({ ...target, method: asked.method, headers }, (response) => {
        const status = response.statusCode ?? 0;
        const received = new Headers();
        for (const [name, values] of Object.entries(response.headersDistinct))
          for (const value of values ?? []) received.append(name, value);
        const body = NO_BODY.includes(status)
          ? null
          : (Readable.toWeb(response) as globalThis.ReadableStream);
        resolve(new Response(body, { status, headers: received }));
      });
      sent.on("error", reject);
      asked.signal.addEventListener("abort", () => sent.destroy(asked.signal.reason as Error));
      if (asked.body) Readable.fromWeb(asked.body as ReadableStream).pipe(sent);
      else sent.end();
    });
  };
}

/** `lookup` for Node's sockets that resolves every name to the edge's address. The port stays unchanged. */
export function edgeLookup(address: string): LookupFunction {
  return (_, options, done) => (options.all ? done(null, [{ address, family: 4 }]) : done(null, address, 4));
}

/** A visitor with cookies who follows redirects across hosts. */
export class Visitor {
  readonly #fetch: EdgeFetch;
  readonly #cookies = new Map<string, Map<string, string>>();

  constructor(fetch: EdgeFetch) {
    this.#fetch = fetch;
  }

  /** A cookie of a host. */
  cookie(hostname: string, name: string): string | undefined {
    return this.#cookies.get(hostname)?.get(name);
  }

  /** Sends one request, without following redirects. */
  async step(url: string | URL, init: RequestInit = {}): Promise<Response> {
    const { hostname } = new URL(url);
    const jar = this.#cookies.get(hostname) ?? new Map<string, string>();
    this.#cookies.set(hostname, jar);
    const headers = new Headers(init.headers);
    if (jar.size > 0) headers.set("cookie", [...jar].map(([name, value]) => `${name}=${value}`).join("; "));
    const response = await this.#fetch(url, { ...init, headers });
    for (const line of response.headers.getSetCookie()) {
      const [, name = "", value = ""] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
      if (value === "" || /max-age=0/i.test(line)) jar.delete(name);
      else jar.set(name, value);
    }
    return response;
  }

  /** Sends a request and follows redirects to a page. Its URL is in the header `x-visited`. */
  async visit(url: string | URL, init: RequestInit = {}): Promise<{ url: string; response: Response }> {
    let [at, response] = [String(url), await this.step(url, init)];
    for (let hops = 0; hops < 10 && [302, 303].includes(response.status); hops++) {
      await response.body?.cancel();
      at = new URL(response.headers.get("location") ?? "", at).toString();
      response = await this.step(at);
    }
    return { url: at, response };
  }

  /** Fills in and submits a page's form, with its prefilled fields. */
  async submit(page: { url: string; html: string }, fields: Record<string, string>) {
    const form = /<form method="post" action="([^"]+)">([\s\S]*?)<\/form>/.exec(page.html);
    if (!form) throw new Error(`no form on ${page.url}`);
    const hidden = [...(form[2] ?? "").matchAll(/type="hidden" name="([^"]+)" value="([^"]*)"/g)];
    const body = new URLSearchParams({
      ...Object.fromEntries(hidden.map(([, name, value]) => [name, value])),
      ...fields,
    });
    const action = (form[1] ?? "").replaceAll("&amp;", "&");
    return await this.visit(new URL(action, page.url), {
      method: "POST",
      body: body.toString(),
      headers: { "content-type": "application/x-www-form-urlencoded" },
    });
  }
}
