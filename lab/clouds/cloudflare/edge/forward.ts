/** Forwards requests to a tunnel's connector, and its responses back. */
import type { IncomingHttpHeaders, IncomingMessage, OutgoingHttpHeaders } from "node:http";
import type { ClientHttp2Session, ClientHttp2Stream, Http2ServerRequest } from "node:http2";
import {
  FROM_CLOUDFLARED,
  HOP_BY_HOP,
  RESPONSE_HEADERS,
  RESPONSE_META,
  UPGRADE,
  unpackHeaders,
  WEBSOCKET,
} from "../connector/wire.ts";
import { hex } from "../state.ts";
import type { Passage } from "./gate.ts";

export type EdgeRequest = IncomingMessage | Http2ServerRequest;

/** The head of a response. */
export interface Answer {
  readonly status: number;
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** False if cloudflared got none from the origin. */
  readonly fromOrigin: boolean;
}

/** A visitor's headers, without hop-by-hop ones and those that the edge sets itself. */
export function visitorHeaders(headers: IncomingHttpHeaders): OutgoingHttpHeaders {
  return Object.fromEntries(
    Object.entries(headers).filter(
      ([name]) =>
        !name.startsWith(":") &&
        !name.startsWith("cf-") &&
        !HOP_BY_HOP.has(name) &&
        !["host", "http2-settings", "x-forwarded-proto"].includes(name),
    ),
  );
}

/** Headers that describe an admitted visitor to the origin. */
export function edgeHeaders(request: EdgeRequest, passage: Passage & { kind: "pass" }): OutgoingHttpHeaders {
  const address = (request.socket.remoteAddress ?? "").replace(/^::ffff:/, "");
  const before = request.headers["x-forwarded-for"];
  return {
    "x-forwarded-for": before ? `${before}, ${address}` : address,
    "x-forwarded-proto": "https",
    "cf-connecting-ip": address,
    "cf-ipcountry": "DE",
    "cf-ray": `${hex(8)}-TST`,
    "cf-visitor": '{"scheme":"https"}',
    "cdn-loop": "cloudflare; loops=1",
    ...(passage.assertion ? { "cf-access-jwt-assertion": passage.assertion } : {}),
    ...(passage.email ? { "cf-access-authenticated-user-email": passage.email } : {}),
  };
}

export interface TunnelRequest {
  readonly method: string;
  readonly path: string;
  readonly hostname: string;
  readonly headers: OutgoingHttpHeaders;
  readonly websocket?: boolean;
  /** Whether there is no body. */
  readonly bare?: boolean;
}

/** Opens a request on a connector's connection. */
export function open(session: ClientHttp2Session, request: TunnelRequest): ClientHttp2Stream {
  const { method, path, hostname, headers, websocket, bare } = request;
  const stream = session.request(
    {
      ...headers,
      ":method": method,
      ":path": path,
      ":scheme": "https",
      ":authority": hostname,
      ...(websocket ? { [UPGRADE]: WEBSOCKET } : {}),
    },
    { endStream: bare ?? false },
  );
  stream.on("error", () => {});
  return stream;
}

/** Waits for the head of a response. Fails if the connector disconnects. */
export function answerOf(stream: ClientHttp2Stream): Promise<Answer> {
  return new Promise((resolve, reject) => {
    stream.once("response", (headers) => {
      const raw = unpackHeaders(String(headers[RESPONSE_HEADERS] ?? ""));
      const pairs = Array.from(
        { length: raw.length / 2 },
        (_, i) => [raw[2 * i] ?? "", raw[2 * i + 1] ?? ""] as const,
      );
      resolve({
        status: headers[":status"] ?? 502,
        headers: pairs.filter(([name]) => !HOP_BY_HOP.has(name.toLowerCase())),
        fromOrigin: headers[RESPONSE_META] !== FROM_CLOUDFLARED,
      });
    });
    stream.once("error", reject);
    stream.once("close", () => reject(new Error("the connector disconnected")));
  });
}
