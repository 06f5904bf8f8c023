/**
 * What an error is about, for the person who has to act on it:
 * - `config`: a file, a setting or an argument is invalid (HTTP 422);
 * - `environment`: a tool, Docker, a droplet or a permission that this machine needs is missing (HTTP 503);
 * - `conflict`: another process or resource is in the way (HTTP 409);
 * - `cloud`: a cloud or a forge refuses, or has lost something (HTTP 503);
 * - `engine`: Pulumi did not succeed (HTTP 503).
 */
export type UserErrorKind = "config" | "environment" | "conflict" | "cloud" | "engine";

/** One problem for a person to fix: where it is, what is wrong, and how to fix it. */
export interface Problem {
  /** `projects.yaml:14:5 projects[2].resources.memory`, or the name of a setting or tool. */
  where: string;
  /** What is wrong, quoting what was found: `"4 bananas" is not a size (e.g. 512MiB, 4GiB)`. */
  what: string;
  /** A command or an edit that fixes it, where `what` does not name it already. */
  fix?: string;
}

/**
 * An error that the person at the keyboard can fix. Shown as its message alone, never with a stack trace; carries every problem found at
 * once, at least one. `where`, `what` and `fix` are the first one's.
 */
export class UserError extends Error {
  override readonly name = "UserError";
  readonly kind: UserErrorKind;
  readonly problems: readonly Problem[];

  constructor(kind: UserErrorKind, problems: readonly Problem[]) {
    super(problems.map(formatProblem).join("\n"));
    this.kind = kind;
    this.problems = problems;
  }

  get where(): string {
    return this.problems[0]?.where ?? "";
  }

  get what(): string {
    return this.problems[0]?.what ?? "";
  }

  get fix(): string | undefined {
    return this.problems[0]?.fix;
  }
}

/** Throws a UserError with one problem. */
export function fail(kind: UserErrorKind, where: string, what: string, fix?: string): never {
  throw new UserError(kind, [fix === undefined ? { where, what } : { where, what, fix }]);
}

/** What a person is shown for an error: the message alone of a UserError; of a defect also how to see its stack, or the stack if DEBUG is set. */
export function explainError(error: unknown): string {
  if (process.env.DEBUG && error instanceof Error) return error.stack ?? error.message;
  if (error instanceof UserError) return error.message;
  const message = error instanceof Error ? error.message : String(error);
  return `${message}\n(DEBUG=1 shows where this came from)`;
}

/** One line for a problem: where, what, and the fix after a dash. */
export function formatProblem({ where, what, fix }: Problem): string {
  return `${where}: ${what}${fix ? ` — ${fix}` : ""}`;
}

/** Returns what `read` does, or undefined with its problems added to `problems`, so that the caller can continue and report them all. */
export function collectProblems<T>(problems: Problem[], read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    problems.push(...error.problems);
    return undefined;
  }
}
