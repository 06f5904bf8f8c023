/** Serves the API over HTTP, keeps what was asked, and fails on purpose. */
import { createServer } from "node:http";
import { getRequestListener } from "@hono/node-server";
import type { MiddlewareHandler } from "hono";
import { type Listening, listen } from "../http.ts";
import { api } from "./api/app.ts";
import { failure } from "./api/envelope.ts";
import { readTokens } from "./api/permissions.ts";
import type { TunnelEvents } from "./api/tunnels.ts";
import type { State } from "./state.ts";

/** One request to the API, as it came. */
export interface ApiRequest {
  readonly method: string;
  /** Without `/client/v4`. */
  readonly path: string;
  readonly body: string;
  /** 0 as long as there is no answer, and for ever where a fault holds it back. */
  status: number;
}

export interface Fault {
  readonly kind: "429" | "500" | "hang-before" | "hang-after";
  readonly retryAfter?: number;
}

/** Says which fault, if any, a request meets. */
export type TakeFault = (method: string, path: string) => Fault | undefined;

const never = new Promise<Response>(() => {});

function faulty({ kind, retryAfter }: Fault): Response | undefined {
  if (kind === "429")
    return Response.json(
      failure([{ code: 971, message: "Please wait and consider throttling your request speed" }]),
      { status: 429, headers: { "Retry-After": String(retryAfter ?? 1), Ratelimit: '"default";r=0;t=1' } },
    );
  if (kind === "500")
    return Response.json(failure([{ code: 10001, message: "Internal server error" }]), { status: 500 });
  return undefined;
}

/** The API, listening on the loopback. */
export async function serveApi(options: {
  state: State;
  tokens: Readonly<Record<string, readonly string[]>>;
  events: TunnelEvents;
  requests: ApiRequest[];
  takeFault: TakeFault;
}): Promise<Listening> {
  const observe: MiddlewareHandler = async (c, next) => {
    const path = c.req.path.replace(/^\/client\/v4/, "");
    const request: ApiRequest = { method: c.req.method, path, body: await c.req.text(), status: 0 };
    options.requests.push(request);
    const fault = options.takeFault(request.method, path);
    const answer = fault && faulty(fault);
    if (fault?.kind === "hang-before") return never;
    if (!answer) await next();
    request.status = answer?.status ?? c.res.status;
    if (fault?.kind === "hang-after") return never;
    return answer;
  };
  const app = api(options.state, readTokens(options.tokens), options.events, observe);
  return await listen(createServer(getRequestListener(app.fetch)), { host: "127.0.0.1" });
}
