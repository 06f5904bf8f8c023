/** Every refusal and failure, as RFC 9457 has them. */
import { HTTPException } from "hono/http-exception";
import { UserError, type UserErrorKind } from "../../../config/errors.ts";
import { RepositoryError } from "../platform/git.ts";
import { Conflict, NotFound, ShuttingDown } from "../platform/types.ts";
import { fieldProblems } from "./fields.ts";
import type { FieldProblem, Problem } from "./schema.ts";

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
  500: "Internal error",
  503: "Unavailable",
} as const;

export type ProblemStatus = keyof typeof TITLES;

interface HttpProblemOptions {
  readonly errors?: readonly FieldProblem[];
  readonly changedBy?: string | undefined;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A request that is not done, with why. `detail` is a sentence for the person and holds no secret. */
export class HttpProblem extends Error {
  override readonly name = "Refusal";
  readonly status: ProblemStatus;
  readonly errors: readonly FieldProblem[] | undefined;
  readonly changedBy: string | undefined;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: ProblemStatus, detail: string, more: HttpProblemOptions = {}) {
    super(detail);
    this.status = status;
    this.errors = more.errors;
    this.changedBy = more.changedBy;
    this.headers = more.headers ?? {};
  }
}

/** The parts of a project, or of an operation, that a person may not know of are as good as absent. */
export const projectNotFound = (name: string): HttpProblem =>
  new HttpProblem(404, `There is no project ${name}.`);

/** Fields that are wrong, told in a sentence as well. */
export const invalidFields = (errors: readonly FieldProblem[]): HttpProblem =>
  new HttpProblem(
    422,
    errors.map(({ path, message }) => [path, message].filter(Boolean).join(": ")).join("\n"),
    {
      errors,
    },
  );

/** A body of another type than JSON. */
export const notJson = (): HttpProblem =>
  new HttpProblem(415, "Send JSON with Content-Type: application/json.");

/** A UserError that is no mistake in the request: what the platform needs is down, or in use. */
const STATUS = { environment: 503, conflict: 409, cloud: 503, engine: 503 } as const satisfies Record<
  Exclude<UserErrorKind, "config">,
  ProblemStatus
>;

/** How long a panel that is ended may take to be back: it ends an update in order first. */
const RESTART_SECONDS = "30";

/**
 * What a thrown error means to whoever asked; a defect says nothing of itself.
 * @param name the project that the request is about, whose entry's mistakes are told by field
 */
export function toHttpProblem(error: unknown, name?: string): HttpProblem {
  if (error instanceof HttpProblem) return error;
  // What hono's own checks of a body throw.
  if (error instanceof HTTPException && error.status === 415) return notJson();
  if (error instanceof UserError)
    return error.kind === "config"
      ? invalidFields(fieldProblems(error.problems, name))
      : new HttpProblem(STATUS[error.kind], error.message);
  if (error instanceof Conflict) return conflict(error);
  if (error instanceof NotFound) return new HttpProblem(404, `${error.message}.`);
  if (error instanceof ShuttingDown)
    return new HttpProblem(503, `${error.message}. Ask again when it is back.`, {
      headers: { "Retry-After": RESTART_SECONDS },
    });
  if (error instanceof RepositoryError)
    return new HttpProblem(
      503,
      `The repository did not take the change, and nothing is changed. ${error.message}.`,
    );
  return new HttpProblem(
    500,
    "Something went wrong in the panel. Its log has the cause under this request's id.",
  );
}

/** @param changedBy who has changed the file, where that is known and may be told */
export const conflict = ({ message }: Conflict, changedBy?: string): HttpProblem =>
  new HttpProblem(
    409,
    `${message}${changedBy ? `, by ${changedBy}` : ""}. Look at it as it is now, then try again.`,
    { changedBy },
  );

/** The body for a refusal. `instance` is the request's id. */
export function problemOf({ status, message, errors, changedBy }: HttpProblem, instance: string): Problem {
  return {
    type: "about:blank",
    title: TITLES[status],
    status,
    detail: message,
    instance,
    ...(errors ? { errors: [...errors] } : {}),
    ...(changedBy === undefined ? {} : { changedBy }),
  };
}

/** The answer for a refusal. */
export const problemResponse = (refusal: HttpProblem, instance: string): Response =>
  new Response(JSON.stringify(problemOf(refusal, instance)), {
    status: refusal.status,
    headers: { "Content-Type": PROBLEM_TYPE, "Cache-Control": "no-store", ...refusal.headers },
  });
