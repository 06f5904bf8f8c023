/** Cloudflare's envelope of responses, and its errors. */
import type { Context } from "hono";
import type { ContentfulStatusCode } from "hono/utils/http-status";
import type { z } from "zod";

export interface Problem {
  readonly code: number;
  readonly message: string;
  readonly error_chain?: readonly { code?: number; message: string }[];
}

/** An error response. */
export class ApiError extends Error {
  readonly status: ContentfulStatusCode;
  readonly problems: readonly Problem[];

  constructor(status: ContentfulStatusCode, ...problems: Problem[]) {
    super(problems.map((problem) => `${problem.code} ${problem.message}`).join("; "));
    this.status = status;
    this.problems = problems;
  }
}

export const failure = (problems: readonly Problem[]) => ({
  success: false,
  errors: problems,
  messages: [],
  result: null,
});

export function ok(c: Context, result: unknown, status: ContentfulStatusCode = 200): Response {
  return c.json({ success: true, errors: [], messages: [], result }, status);
}

/** One page of a list, by `page` and `per_page` in the query. Pages past the end are empty. */
export function page(c: Context, items: readonly unknown[], size = 20): Response {
  const number = (name: string, otherwise: number) => {
    const value = Number(c.req.query(name) ?? otherwise);
    if (!Number.isInteger(value) || value < 1)
      throw new ApiError(400, { code: 1001, message: `Invalid ${name}` });
    return value;
  };
  const [at, per] = [number("page", 1), number("per_page", size)];
  const result = items.slice((at - 1) * per, at * per);
  return c.json({
    success: true,
    errors: [],
    messages: [],
    result,
    result_info: {
      page: at,
      per_page: per,
      count: result.length,
      total_count: items.length,
      total_pages: Math.ceil(items.length / per),
    },
  });
}

/** Rejects unsupported filters of a list, rather than return too much. */
export function filters(c: Context, known: readonly string[]): Record<string, string> {
  const query = c.req.query();
  const paging = ["page", "per_page", "order", "direction", "match"];
  const unknown = Object.keys(query).filter((key) => !known.includes(key) && !paging.includes(key));
  if (unknown.length > 0)
    throw new ApiError(400, {
      code: 1001,
      message: `the stand-in for Cloudflare does not support the filter ${unknown.join(", ")}`,
    });
  return query;
}

/** Removes nulls, which clients send for unset values. */
function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, of]) => (of === null ? [] : [[key, withoutNulls(of)]])),
  );
}

/** Validates the body by `schema`; `refuse` makes the service's own error. */
export async function input<S extends z.ZodType>(
  c: Context,
  schema: S,
  refuse: (message: string) => ApiError,
): Promise<z.infer<S>> {
  const text = await c.req.text();
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    throw refuse("malformed JSON in request body");
  }
  const parsed = schema.safeParse(withoutNulls(body));
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw refuse(`${issue?.path.join(".") || "body"}: ${issue?.message}`);
}
