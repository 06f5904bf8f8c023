import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { LOCAL_RUNTIME_DIR } from "../../../config/naming/names.ts";
import type { Operation } from "../../../panel/server/platform/types.ts";
import { lastLines } from "../../../toolchain/lib/exec.ts";
import type { Fixture } from "./fixture.ts";
import { memoryBelow, processes } from "./peak.ts";
import type { Platform } from "./platform.ts";

const START_MS = 60_000;
/** Time for a running update to end gracefully before it is killed. */
const END_MS = 30_000;
const UPDATE_MS = 180_000;

/** The panel of the figures' platform, in a process of its own. */
export class Panel {
  readonly url: string;
  readonly pid: number;
  readonly #process: ChildProcess;
  readonly #folder: string;
  /** Ends it; call it when the panel is no longer needed. */
  readonly end: () => Promise<void>;
  #said = "";

  private constructor(platform: Platform, { cleaning }: Pick<Fixture, "cleaning">) {
    this.url = `http://127.0.0.1:${platform.panelPort}`;
    // As in scripts/panel.ts; in its own process group, so that its updates end with it.
    const flags = [
      "--disable-warning=ExperimentalWarning",
      join(platform.folder, "panel", "server", "main.ts"),
    ];
    const child = spawn(process.execPath, flags, {
      cwd: platform.folder,
      env: platform.env,
      stdio: ["ignore", "pipe", "pipe"],
      detached: true,
    });
    this.#process = child;
    this.#folder = platform.folder;
    this.end = cleaning.add(() => this.#end());
    this.pid = child.pid ?? 0;
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding("utf8").on("data", (text: string) => {
        this.#said += text;
      });
  }

  /** What its own programs send: the key of this start. */
  get headers(): Readonly<Record<string, string>> {
    const key = readFileSync(join(this.#folder, LOCAL_RUNTIME_DIR, "panel", "key"), "utf8").trim();
    return { authorization: `Bearer ${key}` };
  }

  /** Starts it and waits until it is listening and idle. */
  static async start({ platform, cleaning }: Fixture): Promise<Panel> {
    const panel = new Panel(platform, { cleaning });
    const until = performance.now() + START_MS;
    while (!panel.#said.includes("The panel is at") || panel.#isBusy()) {
      if (panel.#process.exitCode !== null || performance.now() > until)
        throw new Error(`The panel failed to start:\n${lastLines(panel.#said, 20)}`);
      await sleep(50);
    }
    return panel;
  }

  /** Creates a project, as the page's button does. */
  async create(entry: { readonly name: string; readonly state: string }): Promise<Operation> {
    const headers = { "content-type": "application/json", origin: this.url, "sec-fetch-site": "same-origin" };
    const { operation } = await this.#ask<{ operation: Operation }>("/api/projects", {
      method: "POST",
      headers,
      // Rounds repeat names.
      body: JSON.stringify({ ...entry, leftover: "keep" }),
    });
    return operation;
  }

  /** Waits until an operation has succeeded. */
  async succeeded(id: string): Promise<Operation> {
    const until = performance.now() + UPDATE_MS;
    while (performance.now() < until) {
      const operation = await this.#ask<Operation>(`/api/operations/${id}`);
      if (operation.state === "succeeded") return operation;
      if (operation.endedAt)
        throw new Error(`The panel's update ${operation.state}: ${operation.error ?? "no reason given"}`);
      await sleep(250);
    }
    throw new Error(`The panel's update has not ended after ${UPDATE_MS / 1000} s`);
  }

  async #ask<T>(path: string, init: RequestInit = {}): Promise<T> {
    const response = await fetch(this.url + path, { ...init, headers: { ...this.headers, ...init.headers } });
    const text = await response.text();
    if (!response.ok) throw new Error(`The panel's ${path} answered ${response.status}: ${text}`);
    return JSON.parse(text) as T;
  }

  /** Whether it has child processes. */
  #isBusy(): boolean {
    return memoryBelow(processes(), this.pid).size > 0;
  }

  async #end(): Promise<void> {
    const child = this.#process;
    if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, "exit");
    process.kill(-child.pid, "SIGTERM");
    const timer = setTimeout(() => child.pid && process.kill(-child.pid, "SIGKILL"), END_MS);
    await ended;
    clearTimeout(timer);
  }
}
