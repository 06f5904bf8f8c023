/** Errors as problem details (RFC 9457). */
import { HTTPException } from "hono/http-exception";
import { UserError, type UserErrorKind } from "../../../config/errors.ts";
import { RepositoryError } from "../platform/git.ts";
import { Conflict, NotFound, ShuttingDown } from "../platform/types.ts";
import { fieldProblems } from "./fields.ts";
import type { FieldProblem, Leftover, Problem } from "./schema.ts";

export const PROBLEM_TYPE = "application/problem+json";

const TITLES = {
  400: "Bad request",
  401: "Not signed in",
  403: "Not allowed",
  404: "Not found",
  405: "Method not allowed",
  409: "Conflict",
  413: "Too large",
  415: "Not JSON",
  421: "Misdirected request",
  422: "Invalid",
  428: "Version required",
  500: "Internal error",
  503: "Unavailable",
} as const;

export type ProblemStatus = keyof typeof TITLES;

interface HttpProblemOptions {
  readonly errors?: readonly FieldProblem[];
  readonly changedBy?: string | undefined;
  readonly leftover?: Leftover;
  readonly headers?: Readonly<Record<string, string>>;
}

/** An error response. The message is shown to the person and holds no secret. */
export class HttpProblem extends Error {
  override readonly name = "HttpProblem";
  readonly status: ProblemStatus;
  readonly errors: readonly FieldProblem[] | undefined;
  readonly changedBy: string | undefined;
  readonly leftover: Leftover | undefined;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: ProblemStatus, detail: string, more: HttpProblemOptions = {}) {
    super(detail);
    this.status = status;
    this.errors = more.errors;
    this.changedBy = more.changedBy;
    this.leftover = more.leftover;
    this.headers = more.headers ?? {};
  }
}

/** Also for a project that the person can't see. */
export const projectNotFound = (name: string): HttpProblem =>
  new HttpProblem(404, `Project ${name} not found.`);

/** Invalid fields, also listed in the detail. */
export const invalidFields = (errors: readonly FieldProblem[]): HttpProblem =>
  new HttpProblem(
    422,
    errors.map(({ path, message }) => [path, message].filter(Boolean).join(": ")).join("\n"),
    {
      errors,
    },
  );

/** A body that is not JSON. */
export const notJson = (): HttpProblem =>
  new HttpProblem(415, "Send JSON with Content-Type: application/json.");

/** Status of a UserError that is not the request's fault: a service is down, or in use. */
const STATUS = { environment: 503, conflict: 409, cloud: 503, engine: 503 } as const satisfies Record<
  Exclude<UserErrorKind, "config">,
  ProblemStatus
>;

/** Retry-After in seconds while the panel restarts, which interrupts a running update first. */
const RESTART_SECONDS = "30";

/**
 * Converts a thrown error to a response. A defect's message is not revealed.
 * @param name the request's project, whose problems are listed by field
 */
export function toHttpProblem(error: unknown, name?: string): HttpProblem {
  if (error instanceof HttpProblem) return error;
  // Thrown by hono's body validation.
  if (error instanceof HTTPException && error.status === 415) return notJson();
  if (error instanceof UserError)
    return error.kind === "config"
      ? invalidFields(fieldProblems(error.problems, name))
      : new HttpProblem(STATUS[error.kind], error.message);
  if (error instanceof Conflict) return conflict(error);
  if (error instanceof NotFound) return new HttpProblem(404, `${error.message}.`);
  if (error instanceof ShuttingDown)
    return new HttpProblem(503, `${error.message}. Try again when it is back.`, {
      headers: { "Retry-After": RESTART_SECONDS },
    });
  if (error instanceof RepositoryError)
    return new HttpProblem(
      503,
      `The repository refused the change, and nothing was changed. ${error.message}.`,
    );
  return new HttpProblem(500, "Internal error of the panel. Its log has the cause under this request's id.");
}

/** @param changedBy author of the conflicting change, if known and visible to the person */
export const conflict = ({ message }: Conflict, changedBy?: string): HttpProblem =>
  new HttpProblem(
    409,
    `${message}${changedBy ? ` by ${changedBy}` : ""}. Review the current version, then try again.`,
    { changedBy },
  );

/** The body of an error response. `instance` is the request's id. */
export function problemOf(
  { status, message, errors, changedBy, leftover }: HttpProblem,
  instance: string,
): Problem {
  return {
    type: "about:blank",
    title: TITLES[status],
    status,
    detail: message,
    instance,
    ...(errors ? { errors: [...errors] } : {}),
    ...(leftover ? { leftover } : {}),
    ...(changedBy === undefined ? {} : { changedBy }),
  };
}

/** The error response. */
export const problemResponse = (refusal: HttpProblem, instance: string): Response =>
  new Response(JSON.stringify(problemOf(refusal, instance)), {
    status: refusal.status,
    headers: { "Content-Type": PROBLEM_TYPE, "Cache-Control": "no-store", ...refusal.headers },
  });
