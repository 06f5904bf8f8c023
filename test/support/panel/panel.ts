/** `npm run panel` in the clone shared by the test files, and a client of its API. */
import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { expect } from "vitest";
import { parse } from "yaml";
import { readOptional } from "../../../config/text/read-optional.ts";
import type { Operation, OperationEvent } from "../../../panel/server/platform/types.ts";
import { freePort } from "../free-port.ts";
import { cleanEnv, Platform } from "../platform.ts";
import { waitFor } from "../wait.ts";

export interface Listed {
  readonly name: string;
  readonly state: string;
  readonly reason?: string;
  readonly url: string;
  readonly attach: string;
  readonly memory?: { used: number; limit: number };
  readonly cpu?: { used: number; limit: number };
  readonly lastActivity?: string;
}

export interface Answer<T = unknown> {
  readonly status: number;
  readonly headers: Headers;
  readonly body: T;
}

export class Panel {
  readonly platform = new Platform();
  readonly port: number;
  /** Its output. */
  said = "";
  readonly #env: Readonly<Record<string, string>>;
  #process: ChildProcess | undefined;

  private constructor(port: number, env: Readonly<Record<string, string>>) {
    this.port = port;
    this.#env = env;
  }

  /** Sets the port in the clone's stack and starts the panel, with additional environment variables. */
  static async start(env: Readonly<Record<string, string>> = {}): Promise<Panel> {
    const panel = new Panel(await freePort(), env);
    await panel.configure("port", String(panel.port));
    await panel.run();
    return panel;
  }

  /** Sets a key of the setting `panel`. */
  async configure(key: string, value: string): Promise<void> {
    const path = `opencode-platform:panel.${key}`;
    const set = await this.platform.pulumi("config", "set", "--path", path, value);
    if (set.code !== 0) throw new Error(set.output);
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** The URL that a person opens, with the running panel's key. */
  get openUrl(): string {
    return `${this.url}/open/${this.key()}`;
  }

  /** The key of the running panel; empty if it has none yet. */
  key(): string {
    return (readOptional(this.platform.path(".runtime", "panel", "key")) ?? "").trim();
  }

  #signedIn(): Record<string, string> {
    return { authorization: `Bearer ${this.key()}` };
  }

  async run(): Promise<void> {
    const child = spawn("npm", ["run", "--silent", "panel"], {
      cwd: this.platform.fixture.root,
      env: { ...cleanEnv(), ...this.#env },
      stdio: ["ignore", "pipe", "pipe"],
      detached: true,
    });
    this.#process = child;
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding("utf8").on("data", (text: string) => {
        this.said += text;
      });
    await waitFor<true>(
      "the panel to listen",
      async () => {
        if (child.exitCode !== null) throw new Error(`the panel ended with ${child.exitCode}:\n${this.said}`);
        return await fetch(`${this.url}/api/projects`, { headers: this.#signedIn() }).then(
          ({ ok, status }) => (ok ? { done: true } : { seen: String(status) }),
          (error: Error) => ({ seen: `${error.message}\n${this.said}` }),
        );
      },
      { within: 120_000 },
    );
  }

  /** Signals the panel and its children: SIGTERM for a shutdown, SIGKILL for a crash. */
  async end(signal: "SIGTERM" | "SIGKILL" = "SIGTERM"): Promise<number | null> {
    const child = this.#process;
    if (!child?.pid || child.exitCode !== null) return child?.exitCode ?? null;
    const ended = new Promise<number | null>((resolve) => child.once("exit", resolve));
    process.kill(-child.pid, signal);
    return await ended;
  }

  async ask<T>(
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<Answer<T>> {
    const response = await fetch(this.url + path, {
      method,
      headers: {
        ...this.#signedIn(),
        ...(body === undefined ? {} : { "content-type": "application/json" }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    const isJson = /json/.test(response.headers.get("content-type") ?? "");
    return {
      status: response.status,
      headers: response.headers,
      body: (isJson ? JSON.parse(text) : text) as T,
    };
  }

  /** Submits an operation. */
  async begin(method: string, path: string, body?: unknown): Promise<Operation> {
    const { status, body: answer } = await this.ask<{ operation: Operation }>(method, path, body);
    expect(status, JSON.stringify(answer)).toBe(202);
    return answer.operation;
  }

  /** Submits an operation and waits for its end. */
  async carryOut(method: string, path: string, body?: unknown): Promise<Operation> {
    const { id } = await this.begin(method, path, body);
    return await this.ended(id);
  }

  async ended(id: string): Promise<Operation> {
    return await waitFor<Operation>(
      `operation ${id} to end`,
      async () => {
        const { body } = await this.ask<Operation>("GET", `/api/operations/${id}`);
        return ["queued", "running"].includes(body.state) ? { seen: JSON.stringify(body) } : { done: body };
      },
      { within: 300_000, every: 500 },
    );
  }

  async projects(): Promise<Listed[]> {
    return (await this.ask<{ projects: Listed[] }>("GET", "/api/projects")).body.projects;
  }

  /** Waits until a project is in a state. */
  async becomes(name: string, state: string): Promise<Listed> {
    return await waitFor<Listed>(
      `${name} to be ${state}`,
      async () => {
        const found = (await this.projects()).find((project) => project.name === name);
        return found?.state === state ? { done: found } : { seen: JSON.stringify(found) };
      },
      { within: 180_000, every: 500 },
    );
  }

  /** The current projects.yaml. */
  file(): { text: string; names: string[] } {
    const text = readFileSync(this.platform.path("projects.yaml"), "utf8");
    const { projects } = parse(text) as { projects: { name: string }[] };
    return { text, names: projects.map(({ name }) => name) };
  }

  /** Reads a stream's events until `enough` returns true or it ends. */
  async events<T = OperationEvent>(
    path: string,
    enough: (events: T[]) => boolean,
  ): Promise<{ event: string; data: T }[]> {
    const stop = new AbortController();
    const response = await fetch(this.url + path, { signal: stop.signal, headers: this.#signedIn() });
    expect(response.headers.get("content-type")).toMatch(/^text\/event-stream/);
    const events: { event: string; data: T }[] = [];
    let rest = "";
    const decoder = new TextDecoder();
    for await (const part of response.body ?? []) {
      rest += decoder.decode(part, { stream: true });
      const blocks = rest.split("\n\n");
      rest = blocks.pop() ?? "";
      for (const block of blocks) {
        const field = (name: string) => new RegExp(`^${name}: ?(.*)$`, "m").exec(block)?.[1];
        const data = field("data");
        if (data !== undefined)
          events.push({ event: field("event") ?? "message", data: JSON.parse(data) as T });
      }
      if (enough(events.map(({ data }) => data))) break;
    }
    stop.abort();
    return events;
  }
}
