/** Shared by all routes: their error responses and the validation of requests. */
import { createRoute, type OpenAPIHono, type RouteConfig, type z } from "@hono/zod-openapi";
import type { Context, MiddlewareHandler } from "hono";
import type { Person } from "../platform/types.ts";
import { checkValue } from "./fields.ts";
import { HttpProblem, invalidFields, PROBLEM_TYPE, type ProblemStatus } from "./problem.ts";
import { problemSchema } from "./schema.ts";

/** Variables of a request. */
export interface Variables {
  requestId: string;
  person: Person;
  /** The audit log's entry for this request, as far as known when it is refused. */
  act: { name: string; project?: string; detail?: string; operation?: string } | undefined;
  /** Schemas of the route's input. */
  takes: Takes;
}

export type App = OpenAPIHono<{ Variables: Variables }>;
export type Ctx = Context<{ Variables: Variables }>;

/** Schemas by validation target. */
interface Takes {
  readonly param?: z.ZodType | undefined;
  readonly query?: z.ZodType | undefined;
  readonly json?: z.ZodType | undefined;
}

type RequestConfig = NonNullable<RouteConfig["request"]>;

/** The options of `createRoute` that differ between routes. */
type PanelRoute<Path extends string, Request extends RequestConfig> = Pick<
  RouteConfig,
  "summary" | "description"
> & {
  readonly method: "get" | "post" | "patch" | "delete";
  /** `/api/projects/{name}`. */
  readonly path: Path;
  readonly request?: Request;
  /** Responses other than problems. */
  readonly responses: RouteConfig["responses"];
  /** Problems beyond those of every route. */
  readonly problems?: readonly ProblemStatus[];
};

const COMMON_PROBLEMS: readonly ProblemStatus[] = [401, 403, 404, 405, 421, 500, 503];

const PROBLEM_DESCRIPTIONS: Record<ProblemStatus, string> = {
  400: "The body is not valid JSON.",
  401: "The Access token is missing or invalid.",
  403: "Not allowed for this person, or sent by another site.",
  404: "Not found, or not visible to this person.",
  405: "The path does not allow this method.",
  409: "The version of projects.yaml is stale, or something is in use.",
  413: "The body is larger than 64 KiB.",
  415: "The body is not of type application/json.",
  421: "The panel does not serve this hostname.",
  422: "Invalid input: `errors` lists the problems by field.",
  428: "The change needs If-Match, with the version that it was made from.",
  500: "A defect of the panel.",
  503: "Docker, Access's keys, the repository or another part is unreachable, or the panel is shutting down.",
};

function problemResponses(statuses: readonly ProblemStatus[]): RouteConfig["responses"] {
  const content = { [PROBLEM_TYPE]: { schema: problemSchema } };
  return Object.fromEntries(
    [...new Set(statuses)]
      .sort()
      .map((status) => [status, { description: PROBLEM_DESCRIPTIONS[status], content }]),
  );
}

/**
 * Describes a route for `app.openapi`, with its problems. Input is validated in the same order everywhere: the path (404), whether the
 * body is readable (400), then the query and the body's schema (422).
 */
export function panelRoute<const Path extends string, Request extends RequestConfig = Record<never, never>>({
  problems = [],
  ...route
}: PanelRoute<Path, Request>) {
  const { request, method } = route;
  const media = request?.body?.content["application/json"];
  const body = media && "schema" in media ? media.schema : undefined;
  const inBody: ProblemStatus[] = body ? [400] : [];
  const invalid: ProblemStatus[] = request?.query || body ? [422] : [];
  const unreadable: ProblemStatus[] = method === "get" ? [] : [413, 415];
  const common = problemResponses([...COMMON_PROBLEMS, ...invalid, ...unreadable, ...inBody, ...problems]);
  const takes: Takes = {
    param: request?.params as z.ZodType | undefined,
    query: request?.query as z.ZodType | undefined,
    json: isSchema(body) ? body : undefined,
  };
  return createRoute({
    ...route,
    request: (request ?? {}) as Request,
    responses: { ...common, ...route.responses },
    middleware: [checkPath(takes), ...(body ? [checkReadable] : [])] as MiddlewareHandler<{
      Variables: Variables;
    }>[],
  });
}

/** A JSON body that is validated before the handler runs. */
export const jsonBody = <Schema extends z.ZodType>(schema: Schema) => ({
  required: true,
  content: { "application/json": { schema } },
});

/**
 * A JSON body that the handler validates, after checking that the person can see the project.
 * @param name name of a schema in the description
 */
export const uncheckedJsonBody = (name: string) => ({
  required: true,
  content: { "application/json": { schema: { $ref: `#/components/schemas/${name}` } } },
});

const isSchema = (value: unknown): value is z.ZodType =>
  typeof value === "object" && value !== null && "safeParse" in value;

/** Answers 404 for a path with an invalid name or id, before any other validation. */
const checkPath =
  (takes: Takes): MiddlewareHandler<{ Variables: Variables }> =>
  (context, next) => {
    if (takes.param && checkValue(takes.param, context.req.param()).problems)
      throw new HttpProblem(404, "Not found.");
    context.set("takes", takes);
    return next();
  };

const checkReadable: MiddlewareHandler<{ Variables: Variables }> = async (context, next) => {
  await readJson(context);
  await next();
};

/** The app's `defaultHook`: reports invalid input with the messages of projects.yaml's check. */
export function refuseInvalid(
  result: { readonly target: string; readonly success: boolean; readonly data?: unknown },
  context: Ctx,
): undefined {
  if (result.success) return;
  const schema = context.get("takes")[result.target as keyof Takes];
  const checked = schema && checkValue(schema, result.data);
  throw invalidFields(checked?.problems ?? [{ path: "", message: `the ${result.target} is not valid` }]);
}

/** Maximum nesting of a body's JSON, since it is walked recursively. */
const MAX_DEPTH = 32;

/** Parses a request's body. @throws HttpProblem (400) if it is not JSON, or nested too deeply */
export async function readJson(context: Ctx): Promise<unknown> {
  const text = await context.req.text();
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new HttpProblem(400, text === "" ? "The body is missing: send JSON." : "The body is not JSON.");
  }
  if (isDeep(value)) throw new HttpProblem(400, `The body is more than ${MAX_DEPTH} levels deep.`);
  return value;
}

function isDeep(value: unknown): boolean {
  let level = [value];
  for (let depth = 0; depth <= MAX_DEPTH; depth++) {
    level = level.flatMap((item) => (typeof item === "object" && item !== null ? Object.values(item) : []));
    if (level.length === 0) return false;
  }
  return true;
}

/** Describes a JSON response. */
export const json = (schema: z.ZodType, description: string) => ({
  description,
  content: { "application/json": { schema } },
});

/** Describes a stream of events. */
export const eventStream = (description: string) => ({
  description,
  content: { "text/event-stream": { schema: { type: "string" as const } } },
});
