/** Who may use the local proxy: any program of this machine, and any web page by way of a browser, can connect to it. */
import { randomBytes, timingSafeEqual } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { projectApi } from "../../opencode/api/index.ts";

export type GuardResult =
  | { readonly pass: true; readonly path: string }
  | { readonly pass: false; readonly reason: string; readonly status: 401 | 403 };

const same = (given: string, wanted: string): boolean => {
  const [a, b] = [Buffer.from(given), Buffer.from(wanted)];
  return a.length === b.length && timingSafeEqual(a, b);
};

/**
 * A secret of one run, carried as the password of `opencode attach` (by its environment), or as the first part of the path, for clients
 * that take nothing but a URL.
 */
export class RequestGuard {
  readonly secret = randomBytes(24).toString("base64url");
  readonly #basic = projectApi.authorization(this.secret);

  /** Variables by which `opencode attach` passes. */
  get environment(): Readonly<Record<string, string>> {
    return projectApi.terminal.environment(this.secret);
  }

  /** Decides on a request to a port of loopback, and says which path it is for. */
  check({ headers, url = "/" }: Pick<IncomingMessage, "headers" | "url">, port: number): GuardResult {
    const names = [`127.0.0.1:${port}`, `localhost:${port}`];
    // A name of somebody else's that has been pointed at this machine.
    if (!names.includes(headers.host ?? ""))
      return { pass: false, status: 403, reason: "another host's name" };
    const own = names.map((name) => `http://${name}`);
    if (headers.origin !== undefined && !own.includes(headers.origin))
      return { pass: false, status: 403, reason: "a page of another site" };
    // Pages' own requests that carry no Origin, such as images.
    if (/^(cross|same)-site$/.test(String(headers["sec-fetch-site"] ?? "")))
      return { pass: false, status: 403, reason: "a page of another site" };
    const [, first = ""] = /^\/([^/?]*)/.exec(url) ?? [];
    if (same(first, this.secret))
      return { pass: true, path: url.slice(first.length + 1).replace(/^(?!\/)/, "/") };
    if (same(headers.authorization ?? "", this.#basic)) return { pass: true, path: url };
    return { pass: false, status: 401, reason: "no password" };
  }
}
