/** Projects of both majors of opencode. */
import type { RequestListener } from "node:http";
import { OPENCODE, OPENCODE_2 } from "../../../config/versions.ts";
import { apiFor } from "../../../opencode/api/index.ts";

export const v1 = apiFor(OPENCODE);
export const v2 = apiFor(OPENCODE_2);

/** What a server of 1.x answers to its health call. */
export const HEALTHY = JSON.stringify({ healthy: true, version: OPENCODE });

export const PAGE = "<!doctype html><title>opencode</title>";
/** Id of the session that `serverOf2` starts. */
export const CREATED = "ses_created";

/** A session in the list of a server of 2.x. */
export interface Listed {
  readonly id: string;
  readonly time: { readonly created: number; readonly updated?: number };
}

const [SESSIONS] = v2.sessions(1).path.split("?");

/** A server of 2.x, as far as the program calls it. It answers any other path with its page, as the real one does. */
export function serverOf2(sessions: readonly Listed[] = [], version = OPENCODE_2): RequestListener {
  return ({ url = "", method, headers }, response) => {
    const send = (status: number, body: unknown) =>
      response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
    if (url === v2.health.path) send(200, { version, pid: 1, urls: [], paths: {} });
    else if (url.split("?")[0] !== SESSIONS)
      response.writeHead(200, { "content-type": "text/html" }).end(PAGE);
    else if (method === "GET") send(200, { data: sessions, cursor: {} });
    else if (headers["content-type"] !== "application/json") send(415, {});
    else send(200, { data: { id: CREATED, time: { created: 1 } } });
  };
}
