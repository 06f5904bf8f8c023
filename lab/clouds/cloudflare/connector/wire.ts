/** The protocol between the edge and a connector over HTTP/2, with cloudflared's own names. */

/** Header with the request's type, if it isn't plain HTTP. */
export const UPGRADE = "cf-cloudflared-proxy-connection-upgrade";

export const CONTROL_STREAM = "control-stream";
export const UPDATE_CONFIGURATION = "update-configuration";
export const WEBSOCKET = "websocket";

/** The origin's headers, packed with their original spelling, as HTTP/2 would reject some. */
export const RESPONSE_HEADERS = "cf-cloudflared-response-headers";

/** Who responded: the origin, or cloudflared itself. */
export const RESPONSE_META = "cf-cloudflared-response-meta";
export const FROM_ORIGIN = '{"src":"origin"}';
export const FROM_CLOUDFLARED = '{"src":"cloudflared"}';

/**
 * Sizes of HTTP/2 sessions, on either end: large enough for one slow visitor not to block the others on the
 * connection. `maxSessionMemory` is in megabytes.
 */
export const SESSION = { maxSessionMemory: 512, settings: { initialWindowSize: 1024 * 1024 } };
export const SESSION_WINDOW = 128 * 1024 * 1024;

/** Alternating names and values, like Node's `rawHeaders`. */
export type RawHeaders = readonly string[];

/** Base64 without padding, `name:value` joined by semicolons. */
export function packHeaders(raw: RawHeaders): string {
  const packed = raw.map((text) => Buffer.from(text, "latin1").toString("base64").replace(/=+$/, ""));
  return Array.from({ length: packed.length / 2 }, (_, i) => `${packed[2 * i]}:${packed[2 * i + 1]}`).join(
    ";",
  );
}

export function unpackHeaders(packed: string): string[] {
  return packed
    .split(";")
    .filter((pair) => pair !== "")
    .flatMap((pair) => pair.split(":").map((part) => Buffer.from(part, "base64").toString("latin1")));
}

/** Hop-by-hop headers, which are not forwarded. */
export const HOP_BY_HOP: ReadonlySet<string> = new Set([
  "connection",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

/**
 * A connector's first message on the control stream. The real one uses Cap'n Proto; this is a line of JSON.
 */
export interface Registration {
  account: string;
  tunnel: string;
  /** base64 */
  secret: string;
  connector: string;
  version: string;
}

/** The edge's response. */
export type Registered = { connection: string; location: string } | { error: string };

/** Body of a configuration update. */
export interface ConfigurationUpdate {
  version: number;
  config: unknown;
}

/** A connector's response to it. */
export interface ConfigurationApplied {
  lastAppliedVersion: number;
  err: string | null;
}
