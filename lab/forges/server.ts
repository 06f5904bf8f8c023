/** Shared by both forges' stand-ins: a server that records requests and injects faults. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import * as z from "zod";
import { listen, readBody, sendJson } from "../clouds/http.ts";

export interface ForgeRequest {
  readonly method: string;
  /** Path and query, without the API's base path. */
  readonly path: string;
  readonly status: number;
}

/** A fault for the next `times` matching requests. */
export interface Fault {
  readonly method: string;
  readonly path: RegExp;
  readonly times: number;
  /** The response's status; 0 for no response. */
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  /** Whether the request is carried out and only its response is lost. */
  readonly isDone?: boolean;
}

/** A response that ends the handling of a request. */
export class Reply extends Error {
  readonly status: number;
  readonly body: unknown;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, body: unknown, headers: Readonly<Record<string, string>> = {}) {
    super(`${status}`);
    this.status = status;
    this.body = body;
    this.headers = headers;
  }
}

/** A request to a route. */
export interface Call {
  readonly headers: IncomingMessage["headers"];
  readonly query: URLSearchParams;
  /** Captured groups of the route's path. */
  readonly parts: readonly string[];
  readonly body: unknown;
}

export interface Route {
  readonly method: string;
  /** Matched against the whole path below the API's base. */
  readonly path: RegExp;
  answer(call: Call): Reply;
}

export interface ForgeServer {
  /** The API's base URL, without a trailing slash. */
  readonly apiUrl: string;
  readonly requests: readonly ForgeRequest[];
  fail(fault: Fault): void;
  close(): Promise<void>;
}

/** Serves the routes below `base`; everything else gets an error that names the stand-in. */
export async function startForge(base: string, routes: readonly Route[]): Promise<ForgeServer> {
  const requests: ForgeRequest[] = [];
  const faults: (Fault & { left: number })[] = [];
  const server = createServer((request, response) => {
    handle(request, response).catch((error: unknown) => {
      sendJson(response, 500, { message: `The stand-in failed: ${String(error)}` });
    });
  });

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = "" } = request;
    const path = (request.url ?? "").slice(base.length);
    const text = await readBody(request);
    const fault = faults.find((each) => each.left > 0 && each.method === method && each.path.test(path));
    const reply = !fault || fault.isDone ? answer(request, path, text) : undefined;
    const status = fault ? fault.status : (reply?.status ?? 500);
    requests.push({ method, path, status });
    if (fault) fault.left--;
    if (status === 0) return void request.socket.destroy();
    for (const [name, value] of Object.entries((fault ?? reply)?.headers ?? {}))
      response.setHeader(name, value);
    sendJson(
      response,
      status,
      fault ? (fault.body ?? { message: "The stand-in is set to fail" }) : reply?.body,
    );
  }

  function answer(request: IncomingMessage, path: string, text: string): Reply {
    const { pathname, searchParams } = new URL(path, "http://stand-in");
    try {
      for (const route of routes) {
        const match = route.method === request.method ? route.path.exec(pathname) : null;
        if (!match || match[0] !== pathname) continue;
        const body = text ? parse(text) : undefined;
        return route.answer({ headers: request.headers, query: searchParams, parts: match.slice(1), body });
      }
      return new Reply(501, { message: `This stand-in does not cover ${request.method} ${pathname}` });
    } catch (error) {
      if (error instanceof Reply) return error;
      throw error;
    }
  }

  const listening = await listen(server, { host: "127.0.0.1" });
  return {
    apiUrl: `http://127.0.0.1:${listening.port}${base}`,
    requests,
    fail: (fault) => void faults.push({ ...fault, left: fault.times }),
    close: () => listening.close(),
  };
}

/** Validates a request's input; unknown fields are rejected. */
export function take<T>(schema: z.ZodType<T>, value: unknown, status: number): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  throw new Reply(status, { message: `The stand-in rejects this: ${z.prettifyError(result.error)}` });
}

/** One page of a list, by `page` and `per_page`, as in both forges. */
export function pageOf<T>(all: readonly T[], query: URLSearchParams, standard: number): T[] {
  const size = Math.min(100, Number(query.get("per_page") ?? standard));
  const page = Number(query.get("page") ?? 1);
  if (!(size >= 1 && page >= 1)) throw new Reply(400, { message: "page and per_page begin at 1" });
  return all.slice((page - 1) * size, page * size);
}

/** Rejects unsupported parameters of a list. */
export function allowQuery(query: URLSearchParams, names: readonly string[]): void {
  const unknown = [...query.keys()].filter((name) => !["page", "per_page", ...names].includes(name));
  if (unknown.length > 0)
    throw new Reply(400, { message: `The stand-in does not support the parameter ${unknown.join(", ")}` });
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new Reply(400, { message: "Problems parsing JSON" });
  }
}
