/** What the panel's routes have in common: the problems that each may answer with, and how what is sent is validated. */
import { createRoute, type OpenAPIHono, type RouteConfig, type z } from "@hono/zod-openapi";
import type { Context, MiddlewareHandler } from "hono";
import type { Person } from "../platform/types.ts";
import { checkValue } from "./fields.ts";
import { HttpProblem, invalidFields, PROBLEM_TYPE, type ProblemStatus } from "./problem.ts";
import { problemSchema } from "./schema.ts";

/** What every request has once it is let in. */
export interface Variables {
  requestId: string;
  person: Person;
  /** What the audit log is to say of this request; an act that is refused leaves what was known. */
  act: { name: string; project?: string; detail?: string; operation?: string } | undefined;
  /** Schemas of what the route takes. */
  takes: Takes;
}

export type App = OpenAPIHono<{ Variables: Variables }>;
export type Ctx = Context<{ Variables: Variables }>;

/** Schemas by the validator's target. */
interface Takes {
  readonly param?: z.ZodType | undefined;
  readonly query?: z.ZodType | undefined;
  readonly json?: z.ZodType | undefined;
}

type RequestConfig = NonNullable<RouteConfig["request"]>;

/** A route as `createRoute` takes it, but for what all of them have in common. */
type PanelRoute<Path extends string, Request extends RequestConfig> = Pick<
  RouteConfig,
  "summary" | "description"
> & {
  readonly method: "get" | "post" | "patch" | "delete";
  /** `/api/projects/{name}`. */
  readonly path: Path;
  readonly request?: Request;
  /** Answers that are no problems. */
  readonly responses: RouteConfig["responses"];
  /** Problems beyond those that every route has. */
  readonly problems?: readonly ProblemStatus[];
};

const COMMON_PROBLEMS: readonly ProblemStatus[] = [401, 403, 404, 405, 421, 500, 503];

const PROBLEM_DESCRIPTIONS: Record<ProblemStatus, string> = {
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
    [...new Set(statuses)]
      .sort()
      .map((status) => [status, { description: PROBLEM_DESCRIPTIONS[status], content }]),
  );
}

/**
 * Describes a route for `app.openapi`, with the problems that it may answer with. What it takes is checked in one order everywhere: the path
 * (404), then whether a body can be read at all (400), then the query and the body's schema (422).
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
 * A JSON body that the handler validates, after it has checked whether the person may know of the project at all.
 * @param name of a schema in the description
 */
export const uncheckedJsonBody = (name: string) => ({
  required: true,
  content: { "application/json": { schema: { $ref: `#/components/schemas/${name}` } } },
});

const isSchema = (value: unknown): value is z.ZodType =>
  typeof value === "object" && value !== null && "safeParse" in value;

/** An address that no project can have is that of none, whatever else is wrong with the request. */
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

/** The app's `defaultHook`: answers what a schema refuses with the messages that the check of projects.yaml has. */
export function refuseInvalid(
  result: { readonly target: string; readonly success: boolean; readonly data?: unknown },
  context: Ctx,
): undefined {
  if (result.success) return;
  const schema = context.get("takes")[result.target as keyof Takes];
  const checked = schema && checkValue(schema, result.data);
  throw invalidFields(checked?.problems ?? [{ path: "", message: `the ${result.target} is not valid` }]);
}

/** Levels of a body's JSON: an entry has fewer, and what walks through it does so by calling itself. */
const MAX_DEPTH = 32;

/** A request's body: any JSON. @throws Refusal (400) when it is no JSON that can be used */
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
