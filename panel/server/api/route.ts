/** How a route is added: described for the OpenAPI document, what it takes checked, and then done. */
import type { OpenAPIHono, RouteConfig, z } from "@hono/zod-openapi";
import type { Context } from "hono";
import type { Person } from "../platform/types.ts";
import { checkValue } from "./fields.ts";
import { PROBLEM_TYPE, type ProblemStatus, Refusal, wrongFields } from "./problem.ts";
import { problemSchema } from "./schema.ts";

/** What every request has once it is let in. */
export interface Variables {
  requestId: string;
  person: Person;
  /** What the audit log is to say of this request; an act that is refused leaves what was known. */
  act: { name: string; project?: string; detail?: string; operation?: string } | undefined;
}

export type App = OpenAPIHono<{ Variables: Variables }>;
export type Ctx = Context<{ Variables: Variables }>;

type Schema = z.ZodObject;
type Output<S> = S extends z.ZodType ? z.output<S> : undefined;

/** A route, and what it takes. */
export interface Route<P, Q, B> {
  readonly method: "get" | "post" | "patch" | "delete";
  /** `/api/projects/{name}`. */
  readonly path: string;
  readonly summary: string;
  readonly description?: string;
  readonly params?: P;
  readonly query?: Q;
  readonly body?: B;
  /** A body that is described here and checked by the handler, which finds more wrong with it than its form. */
  readonly looseBody?: z.ZodObject;
  readonly headers?: z.ZodObject;
  /** Answers that are no problems. */
  readonly responses: RouteConfig["responses"];
  /** Problems beyond those that every route has. */
  readonly problems?: readonly ProblemStatus[];
}

/** What a handler is given, checked. */
export interface Asked<P, Q, B> {
  readonly context: Ctx;
  readonly person: Person;
  readonly params: Output<P>;
  readonly query: Output<Q>;
  readonly body: Output<B>;
  /** A loose body: any JSON. */
  readonly json: unknown;
}

const EVERYWHERE: readonly ProblemStatus[] = [401, 403, 404, 405, 421, 500, 503];

const WHY: Record<ProblemStatus, string> = {
  400: "The body is no JSON.",
  401: "There is no valid token of Access.",
  403: "Not allowed to this person, or sent by another site.",
  404: "There is no such thing, or none that this person may know of.",
  405: "The address has no such method.",
  409: "projects.yaml is not what the person has seen.",
  413: "The body is larger than 64 KiB.",
  415: "The body is not of type application/json.",
  421: "The panel has no such hostname.",
  422: "Something is wrong in what was sent: `errors` says what, by field.",
  500: "A defect of the panel.",
  503: "Docker, Access' keys, the repository or another part cannot be reached, or the panel is being ended.",
};

function problemResponses(statuses: readonly ProblemStatus[]): RouteConfig["responses"] {
  const content = { [PROBLEM_TYPE]: { schema: problemSchema } };
  return Object.fromEntries(
    [...new Set(statuses)].sort().map((status) => [status, { description: WHY[status], content }]),
  );
}

/** Adds a route to an app, and to its description. */
export function addRoute<
  P extends Schema | undefined = undefined,
  Q extends Schema | undefined = undefined,
  B extends Schema | undefined = undefined,
>(app: App, route: Route<P, Q, B>, handle: (asked: Asked<P, Q, B>) => Response | Promise<Response>): void {
  describe(app, route);
  const { params, query, body, looseBody } = route;
  app.on(route.method.toUpperCase(), routingPath(route.path), async (context) => {
    const inPath = params && checkValue(params, context.req.param());
    // An address that no project can have is that of none.
    if (inPath?.problems) throw new Refusal(404, "There is no such thing.");
    const inQuery = query && checkValue(query, context.req.query());
    const sent = body || looseBody ? await readJson(context) : undefined;
    const inBody = body && checkValue(body, sent);
    const problems = [...(inQuery?.problems ?? []), ...(inBody?.problems ?? [])];
    if (problems.length > 0) throw wrongFields(problems);
    return handle({
      context,
      person: context.get("person"),
      params: inPath?.data as Output<P>,
      query: inQuery?.data as Output<Q>,
      body: inBody?.data as Output<B>,
      json: sent,
    });
  });
}

/** `/api/projects/{name}` → `/api/projects/:name`. */
const routingPath = (path: string): string => path.replaceAll(/\{(\w+)\}/g, ":$1");

function describe<P extends Schema | undefined, Q extends Schema | undefined, B extends Schema | undefined>(
  app: App,
  route: Route<P, Q, B>,
): void {
  const { method, path, summary, description, params, query, headers } = route;
  const body = route.body ?? route.looseBody;
  const wrong: ProblemStatus[] = [
    ...(query || body ? [422 as const] : []),
    ...(method === "get" ? [] : [413 as const, 415 as const]),
    ...(body ? [400 as const] : []),
  ];
  const problems = problemResponses([...EVERYWHERE, ...wrong, ...(route.problems ?? [])]);
  app.openAPIRegistry.registerPath({
    method,
    path,
    summary,
    ...(description ? { description } : {}),
    request: {
      ...(params ? { params } : {}),
      ...(query ? { query } : {}),
      ...(headers ? { headers } : {}),
      ...(body ? { body: { required: true, content: { "application/json": { schema: body } } } } : {}),
    },
    responses: { ...problems, ...route.responses },
  });
}

/** Levels of a body's JSON: an entry has fewer, and what walks through it does so by calling itself. */
const DEEPEST = 32;

/** A request's body. @throws Refusal when it is no JSON that can be used */
async function readJson(context: Ctx): Promise<unknown> {
  const text = await context.req.text();
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new Refusal(400, text === "" ? "The body is missing: send JSON." : "The body is not JSON.");
  }
  if (isDeep(value)) throw new Refusal(400, `The body is more than ${DEEPEST} levels deep.`);
  return value;
}

function isDeep(value: unknown): boolean {
  let level = [value];
  for (let depth = 0; depth <= DEEPEST; depth++) {
    level = level.flatMap((item) => (typeof item === "object" && item !== null ? Object.values(item) : []));
    if (level.length === 0) return false;
  }
  return true;
}

/** Answers for the description: JSON of a schema. */
export const json = (schema: z.ZodType, description: string) => ({
  description,
  content: { "application/json": { schema } },
});

/** Answers for the description: a stream of events. */
export const eventStream = (description: string) => ({
  description,
  content: { "text/event-stream": { schema: { type: "string" as const } } },
});
