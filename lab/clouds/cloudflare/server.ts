/** Serves the API over HTTP, records requests, and injects faults. */
import { createServer } from "node:http";
import { getRequestListener } from "@hono/node-server";
import type { MiddlewareHandler } from "hono";
import { type Faults, showFaults } from "../faults.ts";
import { type Listening, listen } from "../http.ts";
import { api } from "./api/app.ts";
import { failure } from "./api/envelope.ts";
import type { TunnelEvents } from "./api/tunnels.ts";
import type { State } from "./state.ts";

/** One recorded request to the API. */
export interface ApiRequest {
  readonly method: string;
  /** Without `/client/v4`. */
  readonly path: string;
  readonly body: string;
  /** 0 while there is no response, and permanently if a fault withholds it. */
  status: number;
}

const BODIES = {
  429: failure([{ code: 971, message: "Please wait and consider throttling your request speed" }]),
  500: failure([{ code: 10001, message: "Internal server error" }]),
};

/** The API, listening on an address of this machine. */
export async function serveApi(options: {
  state: State;
  tokens: ReadonlyMap<string, ReadonlySet<string>>;
  events: TunnelEvents;
  requests: ApiRequest[];
  faults: Faults;
  address: string;
}): Promise<Listening> {
  const observe: MiddlewareHandler = async (c, next) => {
    const path = c.req.path.replace(/^\/client\/v4/, "");
    const request: ApiRequest = { method: c.req.method, path, body: await c.req.text(), status: 0 };
    options.requests.push(request);
    await next();
    request.status = c.res.status;
  };
  const faults = showFaults(options.faults, BODIES);
  const app = api(options.state, options.tokens, options.events, [observe, faults]);
  return await listen(createServer(getRequestListener(app.fetch)), { host: options.address });
}
