/** Requests to opencode's HTTP API, described independently of the connection. */

/** A response with its whole body. */
export interface Answer {
  readonly status: number;
  /** The Content-Type header, if any. */
  readonly contentType?: string | undefined;
  readonly body: string;
}

/** A request to a project's server, and how its response is read. */
export interface Call<Result> {
  readonly method: "GET" | "POST" | "DELETE";
  /** Path and query, relative to the server's root: a prefix such as `/p/<name>` goes before it. */
  readonly path: string;
  /** Sent as JSON. */
  readonly body?: unknown;
  /** @throws UnexpectedAnswer if a server of this release would not respond like this */
  read(answer: Answer): Result;
}

/**
 * A response that no server of the release sends. The message completes a sentence whose subject is the
 * server.
 */
export class UnexpectedAnswer extends Error {
  override readonly name = "UnexpectedAnswer";
}

/** The JSON of a successful response. @param release as in `opencode 1.x`, for the error */
export function readJson({ status, contentType, body }: Answer, release: string): unknown {
  if (status < 200 || status > 299) throw new UnexpectedAnswer(`answers with status ${status}`);
  try {
    return JSON.parse(body);
  } catch {
    const isPage = contentType?.startsWith("text/html") || /^\s*<(!doctype|html)/i.test(body);
    throw new UnexpectedAnswer(`answers ${isPage ? "HTML" : "no JSON"}, so it is not ${release}`);
  }
}

/** The value as a map; empty for anything else. */
export const asMap = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};

/** A text or number as text; empty for anything else, of which a map may have no text at all. */
export const textOf = (value: unknown): string =>
  typeof value === "string" || typeof value === "number" ? String(value) : "";

export const get = <Result>(path: string, read: (answer: Answer) => Result): Call<Result> => ({
  method: "GET",
  path,
  read,
});

export const post = <Result>(
  path: string,
  body: unknown,
  read: (answer: Answer) => Result,
): Call<Result> => ({
  method: "POST",
  path,
  ...(body === undefined ? {} : { body }),
  read,
});

export const remove = (path: string): Call<void> => ({ method: "DELETE", path, read: readNothing });

/** Reads a response that only has a status. A server of another major answers anything with its page. */
export function readNothing({ status, contentType }: Answer): void {
  if (status < 200 || status > 299) throw new UnexpectedAnswer(`answers with status ${status}`);
  if (contentType?.startsWith("text/html")) throw new UnexpectedAnswer("answers HTML");
}

/** A SQLite database's files, the journals of an unfinished write among them. */
export const sqliteFiles = (path: string): readonly string[] => [path, `${path}-wal`, `${path}-shm`];

/** Whether a server's word for its version is one: it is shown to people, so it holds nothing else. */
export const isVersion = (value: unknown): value is string =>
  typeof value === "string" && /^\d+\.\d+\.\d+[\w.+-]*$/.test(value);

const numbers = (version: string): number[] =>
  version
    .split(/[.+-]/)
    .slice(0, 3)
    .map((part) => Number.parseInt(part, 10) || 0);

/** The major of a version: 1 for `1.18.0`. */
export const majorOf = (version: string): number => numbers(version)[0] ?? 0;

/** Whether a version is older than another. Pre-releases count as their release. */
export function isOlder(version: string, than: string): boolean {
  const [a, b] = [numbers(version), numbers(than)];
  for (let i = 0; i < 3; i++) {
    const [left = 0, right = 0] = [a[i], b[i]];
    if (left !== right) return left < right;
  }
  return false;
}
