/** DigitalOcean's HTTP API: authentication, validation, and dispatch to the calls. */
import { randomUUID } from "node:crypto";
import { type Context, Hono } from "hono";
import { type Faults, showFaults } from "../faults.ts";
import type { Call, Calls, Reply } from "./call.ts";
import { accountCalls } from "./calls/account.ts";
import { dropletActionCalls } from "./calls/droplet-actions.ts";
import { dropletCalls } from "./calls/droplets.ts";
import { firewallCalls } from "./calls/firewalls.ts";
import { keyCalls } from "./calls/keys.ts";
import { projectCalls } from "./calls/projects.ts";
import { spacesKeyCalls } from "./calls/spaces-keys.ts";
import { tagCalls } from "./calls/tags.ts";
import { volumeActionCalls } from "./calls/volume-actions.ts";
import { volumeCalls } from "./calls/volumes.ts";
import { vpcCalls } from "./calls/vpcs.ts";
import { complaintsOfRequest, complaintsOfResponse, type Operation, operations } from "./contract.ts";
import { ApiError, badRequest, forbidden, notCovered, unauthorized, unprocessable } from "./errors.ts";
import type { Machines } from "./machines.ts";
import type { World } from "./world.ts";

const CALLS: Calls = {
  ...accountCalls,
  ...keyCalls,
  ...tagCalls,
  ...vpcCalls,
  ...firewallCalls,
  ...volumeCalls,
  ...volumeActionCalls,
  ...dropletCalls,
  ...dropletActionCalls,
  ...projectCalls,
  ...spacesKeyCalls,
};

/** A received request and its response's status. */
export interface Heard {
  method: string;
  /** With the query. */
  path: string;
  body: unknown;
  status: number;
}

export interface Api {
  world: World;
  machines: Machines;
  faults: Faults;
  /** Scopes by token. */
  tokens: Readonly<Record<string, readonly string[]>>;
  requests: Heard[];
  /** Responses that did not match the API's description: defects of the stand-in. */
  violations: string[];
  /** Scopes that a token lacked; the API itself does not name them. */
  missingScopes: Set<string>;
}

const PER_HOUR = 5000;

/** Creates the API as a Hono application. */
export function makeApp(api: Api): Hono {
  const app = new Hono();
  app.use(record(api));
  app.use(showFaults(api.faults, FAULTS));
  for (const operation of sorted(operations)) {
    const path = operation.path.replaceAll(/\{(\w+)\}/g, ":$1");
    app.on(operation.method, path, (context) => answer(api, operation, context));
  }
  app.notFound((context) => {
    const { status, ...body } = errorBody(notCovered(`${context.req.method} ${context.req.path}`));
    return context.json(body, status as 501);
  });
  return app;
}

/** Fixed paths come before those with a parameter in the same place. */
const sorted = (all: readonly Operation[]): Operation[] =>
  all.toSorted((a, b) => (a.path < b.path ? -1 : Number(a.path > b.path)));

const FAULTS = {
  "429": { id: "too_many_requests", message: "API Rate limit exceeded." },
  "500": { id: "server_error", message: "Unexpected server-side error" },
};

function record(api: Api) {
  let asked = 0;
  return async (context: Context, next: () => Promise<void>) => {
    asked += 1;
    const url = new URL(context.req.url);
    const { method } = context.req;
    const text = method === "GET" ? "" : await context.req.text();
    const heard: Heard = { method, path: url.pathname + url.search, body: parsed(text), status: 0 };
    api.requests.push(heard);
    await next();
    heard.status = context.res.status;
    context.res.headers.set("ratelimit-limit", String(PER_HOUR));
    context.res.headers.set("ratelimit-remaining", String(PER_HOUR - asked));
    context.res.headers.set("ratelimit-reset", String(Math.floor(Date.now() / 1000) + 3600));
    context.res.headers.set("x-request-id", randomUUID());
  };
}

/** Parsed JSON; `undefined` if invalid. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

async function answer(api: Api, operation: Operation, context: Context): Promise<Response> {
  let reply: Reply | { status: number; body: object };
  try {
    reply = await carryOut(api, operation, context);
  } catch (error) {
    if (!(error instanceof ApiError)) api.world.failures.push(`${operation.id}: ${(error as Error).message}`);
    const { status, ...body } = errorBody(error);
    reply = { status, body };
  }
  const { status, body } = reply;
  const shown: unknown = body && JSON.parse(JSON.stringify(body));
  for (const complaint of complaintsOfResponse(operation, status, shown))
    api.violations.push(`${operation.method} ${operation.path} ${status}: ${complaint}`);
  return body ? context.json(body, status as 200) : context.body(null, status as 204);
}

async function carryOut(api: Api, operation: Operation, context: Context): Promise<Reply> {
  const [, token = ""] = /^Bearer (.+)$/i.exec(context.req.header("authorization") ?? "") ?? [];
  const scopes = api.tokens[token];
  if (!scopes) throw unauthorized();
  mustHave(api, scopes, operation.scopes);
  const call = CALLS[operation.id];
  if (!call) throw notCovered(`${operation.method} ${operation.path}`);
  const body = await bodyOf(operation, context);
  mustHave(api, scopes, scopesOfBody(operation, body));
  const { world, machines } = api;
  const param = (name: string) => decodeURIComponent(context.req.param(name) ?? "");
  const given: Call = { world, machines, url: new URL(context.req.url), param, body };
  return call(given);
}

function mustHave(api: Api, scopes: readonly string[], wanted: readonly string[]): void {
  const missing = wanted.filter((scope) => !scopes.includes(scope));
  for (const scope of missing) api.missingScopes.add(scope);
  if (missing.length > 0) throw forbidden();
}

async function bodyOf(operation: Operation, context: Context): Promise<unknown> {
  if (operation.method === "GET") return undefined;
  const text = await context.req.text();
  const body = text ? parsed(text) : {};
  if (typeof body !== "object" || body === null) throw badRequest("the body should be a JSON object");
  const complaints = complaintsOfRequest(operation, text ? body : undefined);
  if (complaints.length > 0) throw unprocessable(complaints.join("; "));
  return body;
}

/** Scopes required by a request's tags, keys and the like. */
function scopesOfBody({ scopesOf }: Operation, body: unknown): string[] {
  return Object.entries(body ?? {}).flatMap(([name, value]) => {
    const said = Array.isArray(value) ? value.length > 0 : Boolean(value);
    return said ? [...(scopesOf[name] ?? [])] : [];
  });
}

function errorBody(error: unknown) {
  const known = error instanceof ApiError ? error : undefined;
  const id = known?.id ?? "server_error";
  const message = known?.message ?? `This stand-in for DigitalOcean failed: ${(error as Error).message}`;
  return { status: known?.status ?? 500, id, message, request_id: randomUUID() };
}
