/** Refuses what another site makes a browser send, and what comes under a name that is not the panel's. */
import { HttpProblem, notJson } from "../api/problem.ts";

/** What the panel is called. */
export interface AllowedOrigins {
  /** Values of Host that are the panel's own: `127.0.0.1:4090`, `code.example.com`. */
  readonly hosts: readonly string[];
  /** The same as origins: `https://code.example.com`. */
  readonly origins: readonly string[];
}

/** Addresses on this machine. */
export function localAddresses(port: number): AllowedOrigins {
  const hosts = ["127.0.0.1", "localhost", "[::1]"].map((name) => (port === 80 ? name : `${name}:${port}`));
  return { hosts, origins: hosts.map((host) => `http://${host}`) };
}

/** The one address of a panel on a droplet. */
export const publicAddresses = (hostname: string): AllowedOrigins => ({
  hosts: [hostname],
  origins: [`https://${hostname}`],
});

const SAFE = new Set(["GET", "HEAD", "OPTIONS"]);
const isJson = (type: string | undefined) => /^application\/json\s*(;|$)/i.test(type ?? "");

/** Whether a request brings a body. */
const hasBody = (header: (name: string) => string | undefined): boolean =>
  Number(header("content-length") ?? 0) > 0 || header("transfer-encoding") !== undefined;

/**
 * Lets a request pass or not. A project's own page, whose hostname is of the same site, counts as another site's: an agent works there.
 * @throws Refusal
 */
export function guard(
  request: { method: string; path: string; header: (name: string) => string | undefined },
  { hosts, origins }: AllowedOrigins,
): void {
  const { method, path, header } = request;
  const host = (header("host") ?? "").toLowerCase();
  // A name that leads here without being the panel's is how a page elsewhere gets at services of this machine.
  if (!hosts.includes(host)) throw new HttpProblem(421, "The panel does not have this address.");
  const site = header("sec-fetch-site");
  const isForeign = site !== undefined && site !== "same-origin" && site !== "none";
  const isPage = SAFE.has(method) && !path.startsWith("/api/") && path !== "/api";
  if (isForeign && !isPage) throw new HttpProblem(403, "This was sent by another site.");
  if (SAFE.has(method)) return;
  const origin = header("origin");
  if (origin !== undefined && !origins.includes(origin.toLowerCase()))
    throw new HttpProblem(403, "This was sent by another site.");
  if (hasBody(header) && !isJson(header("content-type"))) throw notJson();
}
