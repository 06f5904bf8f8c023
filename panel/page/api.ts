/** Calls of the panel's API. */
import type {
  Entry,
  FieldProblem,
  KeeperEvent,
  LeftoverChoice,
  Operation,
  Overview,
  Problem,
  Rollback,
} from "./model.ts";

/** An error response of the API. */
export class HttpError extends Error {
  readonly status: number;
  readonly problem: Problem;

  constructor(status: number, problem: Problem) {
    super(problem.detail ?? problem.title ?? `The panel answered ${status}`);
    this.status = status;
    this.problem = problem;
  }
}

/** The login has expired: Access answers instead of the panel. */
export class LoginEnded extends Error {
  constructor() {
    super("Your login has expired.");
  }
}

/** No response, or one of a proxy before the panel. */
export class Unreachable extends Error {
  constructor() {
    super("The panel can't be reached. Nothing was changed; try again.");
  }
}

/** Dispatches `ended` when a response shows that the login has expired. */
export const login = new EventTarget();

/** Whether a response asks for a login: a redirect to another origin, or 401. */
export const isLogin = (response: Response): boolean =>
  response.type === "opaqueredirect" || response.status === 401;

async function problemOf(response: Response): Promise<Problem | undefined> {
  if (!/[/+]json\b/.test(response.headers.get("content-type") ?? "")) return undefined;
  return (await response.json().catch(() => undefined)) as Problem | undefined;
}

export async function call(path: string, init: RequestInit = {}): Promise<unknown> {
  let response: Response;
  try {
    response = await fetch(path, { redirect: "manual", cache: "no-store", ...init });
  } catch (error) {
    if (init.signal?.aborted) throw error;
    throw new Unreachable();
  }
  if (isLogin(response)) {
    login.dispatchEvent(new Event("ended"));
    throw new LoginEnded();
  }
  if (response.ok) return response.json();
  const problem = await problemOf(response);
  if (!problem && response.status >= 500) throw new Unreachable();
  throw new HttpError(response.status, problem ?? {});
}

export function send(method: string, path: string, body: unknown, version?: string, signal?: AbortSignal) {
  const headers: Record<string, string> = { "content-type": "application/json" };
  if (version !== undefined) headers["if-match"] = `"${version}"`;
  return call(path, { method, headers, body: JSON.stringify(body), signal });
}

export const started = async (answer: Promise<unknown>) =>
  ((await answer) as { operation: Operation }).operation;
export const project = (name: string) => `/api/projects/${encodeURIComponent(name)}`;

export const getProjects = async () => (await call("/api/projects")) as Overview;

export async function getOperations(): Promise<Operation[]> {
  const answer = (await call("/api/operations")) as { operations: Operation[] };
  return answer.operations;
}

/** Checks an entry; returns its problems. */
export async function check(
  body: { entry: Entry; secretValues: Record<string, string>; replaces?: string },
  signal: AbortSignal,
): Promise<FieldProblem[]> {
  const answer = (await send("POST", "/api/projects/check", body, undefined, signal)) as {
    problems: FieldProblem[];
  };
  return answer.problems;
}

/** @param leftover what is done with what an earlier project of the name left behind */
export const create = (entry: Entry, secretValues: Record<string, string>, leftover?: LeftoverChoice) =>
  started(send("POST", "/api/projects", { ...entry, secretValues, leftover }));

/** Changes keys of an entry (null removes one), if the file's version is still the given one. */
export const change = (
  name: string,
  changes: Record<string, unknown>,
  secretValues: Record<string, string>,
  version: string,
) => started(send("PATCH", project(name), { ...changes, secretValues }, version));

export const start = (name: string) => started(send("POST", `${project(name)}/start`, {}));
export const stop = (name: string) => started(send("POST", `${project(name)}/stop`, {}));

/** Ends once the project's server answers. */
export const wake = (name: string) => send("POST", `${project(name)}/wake`, {});
export const putToSleep = (name: string) => send("POST", `${project(name)}/sleep`, {});

/** What the keeper did to a project and saw, oldest first. */
export async function getHistory(name: string): Promise<readonly KeeperEvent[]> {
  const answer = (await call(`${project(name)}/history`)) as { events: KeeperEvent[] };
  return answer.events;
}

/** Runs the entry's setup once more. */
export const runSetup = (name: string) => send("POST", `${project(name)}/setup`, {});

export const getRollback = async (name: string) => (await call(`${project(name)}/rollback`)) as Rollback;

/** Goes back to the release that the person has confirmed. */
export const goBack = (name: string, release: string) =>
  started(send("POST", `${project(name)}/rollback`, { release }));

export const remove = (name: string, workspace: boolean) => {
  const query = workspace ? `?workspace=delete&confirm=${encodeURIComponent(name)}` : "";
  return started(call(`${project(name)}${query}`, { method: "DELETE" }));
};

export const paths = {
  projects: "/api/projects/events",
  operation: (id: string) => `/api/operations/${encodeURIComponent(id)}/events`,
  logs: (name: string, lines: number) => `${project(name)}/logs?follow=1&lines=${lines}`,
};
