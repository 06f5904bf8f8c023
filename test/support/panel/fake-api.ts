/** A fake of the panel's API, with projects, operations and errors set by the test. */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { getRequestListener } from "@hono/node-server";
import { type Context, Hono } from "hono";
import { type SSEStreamingApi, streamSSE } from "hono/streaming";
import type {
  Backups,
  FieldProblem,
  KeeperEvent,
  Leftover,
  LogLine,
  Me,
  Operation,
  Overview,
  ProjectView,
  Rollback,
} from "../../../panel/page/model.ts";
import { makePage } from "../../../panel/page/serve.ts";

/** A received request for a change. */
export interface Seen {
  readonly method: string;
  readonly path: string;
  readonly ifMatch: string | undefined;
  readonly body: Record<string, unknown>;
}

type Send = (event: string, data: unknown) => void;

export const project = (name: string, values: Partial<ProjectView> = {}): ProjectView => ({
  name,
  state: "running",
  url: `http://${name}.localhost:4000`,
  attach: `opencode attach http://${name}.localhost:4000`,
  hasSetup: false,
  ports: [],
  listening: [],
  release: "1.18.33",
  members: [],
  owners: [],
  role: "admin",
  entry: { name },
  ...values,
});

export class FakeApi {
  me: Me = { email: "lead@example.com", admin: true, kind: "local", create: true, secrets: true };
  projects: ProjectView[] = [];
  operations: Operation[] = [];
  version = "v1";
  /** Problems returned by a check. */
  problems: FieldProblem[] = [];
  logs: LogLine[] = [];
  /** What all projects go back to; undefined: nothing. */
  rollback: Rollback | undefined;
  /** Why a project can't be woken or put to sleep; and what the keeper did. */
  refusal: string | undefined;
  history: KeeperEvent[] = [];
  /** Those of all projects. */
  backups: Backups = { setUp: false, isSnapshot: true, backups: [], checkpoints: [] };
  /** Overrides responses: for a login page, or errors. */
  instead: ((context: Context) => Response | undefined) | undefined;
  readonly seen: Seen[] = [];
  readonly #listeners = new Map<string, Set<Send>>();
  readonly #played = new Map<string, [event: string, data: unknown][]>();
  #server: Server | undefined;
  #port = 0;

  get url(): string {
    return `http://127.0.0.1:${this.#port}/`;
  }

  overview(): Overview {
    return { projects: this.projects, version: this.version, me: this.me, stack: "local" };
  }

  /** Sends the list to its followers. */
  changed(): void {
    this.#send("projects", "projects", this.overview());
  }

  /** Adds or changes an operation, and sends it to its followers. */
  operation(values: Partial<Operation> & { id: string }): Operation {
    const before = this.operations.find(({ id }) => id === values.id);
    const begun = {
      what: "",
      person: this.me.email,
      state: "running",
      createdAt: new Date().toISOString(),
      done: 0,
    };
    const operation = { ...begun, ...before, ...values } as Operation;
    this.operations = [...this.operations.filter(({ id }) => id !== values.id), operation];
    this.play(operation.id, "state", operation);
    return operation;
  }

  /** Sends an operation's event to current and later followers. */
  play(id: string, event: string, data: unknown): void {
    this.#played.set(id, [...(this.#played.get(id) ?? []), [event, data]]);
    this.#send(`operation ${id}`, event, data);
  }

  /** Adds a line to all projects' logs. */
  log(line: LogLine): void {
    this.logs.push(line);
    this.#send("logs", "line", line);
  }

  async start(): Promise<void> {
    const server = createServer(getRequestListener(this.#app().fetch));
    this.#server = server;
    await new Promise<void>((resolve) => server.listen(this.#port, "127.0.0.1", resolve));
    this.#port = (server.address() as AddressInfo).port;
  }

  /** Stops the server and closes all connections; `start` reuses the port. */
  async stop(): Promise<void> {
    const server = this.#server;
    if (!server) return;
    const closed = new Promise((resolve) => server.close(resolve));
    server.closeAllConnections();
    await closed;
  }

  /** Closes all connections, but keeps listening. */
  cut(): void {
    this.#server?.closeAllConnections();
  }

  #send(topic: string, event: string, data: unknown): void {
    for (const send of this.#listeners.get(topic) ?? []) send(event, data);
  }

  #stream(context: Context, topic: string, first: readonly (readonly [string, unknown])[]): Response {
    return streamSSE(context, async (stream: SSEStreamingApi) => {
      const send: Send = (event, data) => void stream.writeSSE({ event, data: JSON.stringify(data) });
      const listeners = this.#listeners.get(topic) ?? new Set();
      this.#listeners.set(topic, listeners.add(send));
      for (const [event, data] of first) send(event, data);
      await new Promise<void>((resolve) => stream.onAbort(resolve));
      listeners.delete(send);
    });
  }

  async #begin(context: Context, what: string, name: string): Promise<Response> {
    const text = await context.req.text();
    this.seen.push({
      method: context.req.method,
      path: context.req.url.replace(this.url, "/"),
      ifMatch: context.req.header("if-match"),
      body: text ? JSON.parse(text) : {},
    });
    const operation = this.operation({
      id: `op-${this.operations.length + 1}`,
      what: `${what} ${name}`,
      project: name,
    });
    return context.json({ operation }, 202, { Location: `/api/operations/${operation.id}` });
  }

  #app(): Hono {
    const app = new Hono();
    app.use("/api/*", async (context, next) => this.instead?.(context) ?? next());
    app.get("/api/projects", (context) => context.json(this.overview()));
    app.get("/api/projects/events", (context) =>
      this.#stream(context, "projects", [["projects", this.overview()]]),
    );
    app.post("/api/projects/check", (context) => context.json({ problems: this.problems }));
    app.post("/api/projects", async (context) => {
      const { name } = (await context.req.raw.clone().json()) as { name: string };
      return this.#begin(context, "create", name);
    });
    app.post("/api/projects/:name/:act{start|stop}", (context) =>
      this.#begin(context, context.req.param("act"), context.req.param("name")),
    );
    app.post("/api/projects/:name/:act{wake|sleep}", (context) => {
      const { method, url } = context.req;
      this.seen.push({ method, path: url.replace(this.url, "/"), ifMatch: undefined, body: {} });
      if (this.refusal !== undefined) return refusal(context, 409, this.refusal);
      return context.json({ state: context.req.param("act") === "wake" ? "awake" : "asleep" });
    });
    app.get("/api/projects/:name/history", (context) => context.json({ events: this.history }));
    app.post("/api/projects/:name/setup", (context) => {
      const { method, url } = context.req;
      this.seen.push({ method, path: url.replace(this.url, "/"), ifMatch: undefined, body: {} });
      return context.json({ run: 1 }, 202);
    });
    app.get("/api/projects/:name/rollback", (context) =>
      this.rollback ? context.json(this.rollback) : refusal(context, 409, "It has no copy of its sessions."),
    );
    app.post("/api/projects/:name/rollback", (context) =>
      this.#begin(context, "roll back", context.req.param("name")),
    );
    app.get("/api/projects/:name/backups", (context) => context.json(this.backups));
    for (const [path, what] of [
      ["backups", "back up"],
      ["restore", "restore"],
      ["checkpoints", "make a checkpoint of"],
      ["checkpoints/:id/rollback", "take back"],
      ["fork", "fork"],
    ] as const)
      app.post(`/api/projects/:name/${path}`, (context) =>
        this.#begin(context, what, context.req.param("name") ?? ""),
      );
    app.delete("/api/projects/:name/checkpoints/:id", (context) =>
      this.#begin(context, "delete a checkpoint of", context.req.param("name")),
    );
    app.patch("/api/projects/:name", (context) => this.#begin(context, "change", context.req.param("name")));
    app.delete("/api/projects/:name", (context) => this.#begin(context, "delete", context.req.param("name")));
    app.get("/api/projects/:name/logs", (context) =>
      this.#stream(
        context,
        "logs",
        this.logs.map((line) => ["line", line] as const),
      ),
    );
    app.get("/api/operations", (context) => context.json({ operations: this.operations }));
    app.get("/api/operations/:id/events", (context) => {
      const id = context.req.param("id");
      return this.#stream(context, `operation ${id}`, this.#played.get(id) ?? []);
    });
    app.route("/", makePage());
    return app;
  }
}

/** The refusal of a name that was used before. */
export const usedBefore = (context: Context, leftover: Leftover) =>
  context.json({ title: "Conflict", status: 409, detail: "Nothing was created.", leftover }, 409, {
    "content-type": "application/problem+json",
  });

/** An error response of the API. */
export const refusal = (context: Context, status: 409 | 422, detail: string, errors: FieldProblem[] = []) =>
  context.json({ title: "Refused", status, detail, errors }, status, {
    "content-type": "application/problem+json",
  });
