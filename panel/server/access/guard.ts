/** Refuses cross-site requests, and requests for another hostname. */
import { HttpProblem, notJson } from "../api/problem.ts";

/** The panel's hosts and origins. */
export interface AllowedOrigins {
  /** Allowed values of Host: `127.0.0.1:4090`, `code.example.com`. */
  readonly hosts: readonly string[];
  /** The same as origins: `https://code.example.com`. */
  readonly origins: readonly string[];
}

/** Addresses on this machine. */
export function localAddresses(port: number): AllowedOrigins {
  const hosts = ["127.0.0.1", "localhost", "[::1]"].map((name) => (port === 80 ? name : `${name}:${port}`));
  return { hosts, origins: hosts.map((host) => `http://${host}`) };
}

/** The address of a panel on a droplet. */
export const publicAddresses = (hostname: string): AllowedOrigins => ({
  hosts: [hostname],
  origins: [`https://${hostname}`],
});

const SAFE = new Set(["GET", "HEAD", "OPTIONS"]);
const isJson = (type: string | undefined) => /^application\/json\s*(;|$)/i.test(type ?? "");

const hasBody = (header: (name: string) => string | undefined): boolean =>
  Number(header("content-length") ?? 0) > 0 || header("transfer-encoding") !== undefined;

/**
 * Checks a request. Projects' pages are refused although they are same-site: an agent works there.
 * @throws HttpProblem (403, 415, 421)
 */
export function guard(
  request: { method: string; path: string; header: (name: string) => string | undefined },
  { hosts, origins }: AllowedOrigins,
): void {
  const { method, path, header } = request;
  const host = (header("host") ?? "").toLowerCase();
  // DNS rebinding: a foreign name that resolves to this machine.
  if (!hosts.includes(host)) throw new HttpProblem(421, "The panel does not serve this hostname.");
  const site = header("sec-fetch-site");
  const isForeign = site !== undefined && site !== "same-origin" && site !== "none";
  const isPage = SAFE.has(method) && !path.startsWith("/api/") && path !== "/api";
  if (isForeign && !isPage) throw new HttpProblem(403, "Requests from other sites are refused.");
  if (SAFE.has(method)) return;
  const origin = header("origin");
  if (origin !== undefined && !origins.includes(origin.toLowerCase()))
    throw new HttpProblem(403, "Requests from other sites are refused.");
  if (hasBody(header) && !isJson(header("content-type"))) throw notJson();
}
