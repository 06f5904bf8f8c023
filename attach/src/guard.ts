/** Checks who can use the local proxy: its port is open to any program on this machine, and to any web page in a browser. */
import { randomBytes, timingSafeEqual } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { OpencodeApi } from "../../opencode/api/index.ts";

export type GuardResult =
  | {
      readonly pass: true;
      readonly path: string /** Origin of an application that reads the answers. */;
      readonly app?: string;
    }
  | { readonly pass: false; readonly reason: string; readonly status: 401 | 403 };

const same = (given: string, wanted: string): boolean => {
  const [a, b] = [Buffer.from(given), Buffer.from(wanted)];
  return a.length === b.length && timingSafeEqual(a, b);
};

/**
 * Origins of applications on this machine, which no website has: schemes of their own, as of opencode's desktop app (oc://renderer) and of
 * editors' views, and Tauri's on Windows.
 */
const isApplication = (origin: string): boolean =>
  !/^(https?|data|file|blob):|^null$/i.test(origin) || /^https?:\/\/tauri\.localhost$/.test(origin);

/**
 * A random secret per run. opencode gets it as a password in its environment; clients that take only a URL, as the first path segment.
 */
export class RequestGuard {
  readonly secret = randomBytes(24).toString("base64url");
  readonly #basic: string;
  /** Environment variables that give opencode the secret. */
  readonly environment: Readonly<Record<string, string>>;

  /** @param api of the client's major, which is the server's */
  constructor({ authorization, terminal }: Pick<OpencodeApi, "authorization" | "terminal">) {
    this.#basic = authorization(this.secret);
    this.environment = terminal.environment(this.secret);
  }

  /** Checks a request to a loopback port; returns its path without the secret. */
  check({ headers, url = "/" }: Pick<IncomingMessage, "headers" | "url">, port: number): GuardResult {
    const names = [`127.0.0.1:${port}`, `localhost:${port}`];
    // DNS rebinding: a foreign name that resolves to this machine.
    if (!names.includes(headers.host ?? ""))
      return { pass: false, status: 403, reason: "unknown Host header" };
    const [, first = ""] = /^\/([^/?]*)/.exec(url) ?? [];
    const path = same(first, this.secret) ? url.slice(first.length + 1).replace(/^(?!\/)/, "/") : undefined;
    const { origin } = headers;
    // It has been given the whole URL; a password would have to be typed in.
    if (path !== undefined && origin !== undefined && isApplication(origin))
      return { pass: true, path, app: origin };
    const own = names.map((name) => `http://${name}`);
    if (origin !== undefined && !own.includes(origin))
      return { pass: false, status: 403, reason: "request from another site" };
    // Requests of pages that carry no Origin, such as images.
    if (/^(cross|same)-site$/.test(String(headers["sec-fetch-site"] ?? "")))
      return { pass: false, status: 403, reason: "request from another site" };
    if (path !== undefined) return { pass: true, path };
    if (same(headers.authorization ?? "", this.#basic)) return { pass: true, path: url };
    return { pass: false, status: 401, reason: "missing or invalid password" };
  }
}
