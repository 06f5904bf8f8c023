import { randomUUID } from "node:crypto";
import { EventEmitter } from "node:events";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { get, type IncomingMessage, request } from "node:http";
import { join } from "node:path";
import type { Call, OpencodeApi } from "../../../opencode/api/index.ts";
import { hostAddress } from "../../../test/support/docker.ts";
import { MODEL_ID, type ModelStandIn, startModel } from "../../model/model.ts";
import { projectApi } from "./api.ts";
import { docker, untilContainersHealthy } from "./docker.ts";
import { below, type Target } from "./http.ts";
import { MODEL_PORT, type Platform, projectName } from "./platform.ts";

/** Characters of a stream that are kept, to find a token that arrived in two parts. */
const KEPT = 4096;
const PATIENCE = 60_000;

/** Configures a project to use this process's stand-in model. */
export class Model {
  readonly #standIn: ModelStandIn;
  readonly #platform: Platform;
  readonly #project: string;
  readonly #api: OpencodeApi;

  private constructor(standIn: ModelStandIn, platform: Platform, project: string, api: OpencodeApi) {
    this.#standIn = standIn;
    this.#platform = platform;
    this.#project = project;
    this.#api = api;
  }

  /** Default: for the first project, of the default release, on MODEL_PORT. */
  static async start(
    platform: Platform,
    { project = projectName(1), api = projectApi, port = MODEL_PORT } = {},
  ): Promise<Model> {
    const model = new Model(await startModel({ port }), platform, project, api);
    const baseURL = `http://${await hostAddress()}:${model.#standIn.port}/v1`;
    const models = { [MODEL_ID]: { name: "Stand-in", limit: { context: 100_000, output: 4096 } } };
    const options = { baseURL, apiKey: "any" };
    const provider = { "stand-in": { npm: "@ai-sdk/openai-compatible", name: "Stand-in", options, models } };
    const id = `stand-in/${MODEL_ID}`;
    const config = { enabled_providers: ["stand-in"], model: id, small_model: id, provider };
    mkdirSync(join(model.#file, ".."), { recursive: true });
    writeFileSync(model.#file, JSON.stringify(config), { mode: 0o644 });
    await model.#restart();
    return model;
  }

  /**
   * Streams an answer of `tokens` tokens, each sent after the previous one has arrived. Returns milliseconds
   * from sending to the arrival of each event. A first extra token does not count.
   */
  async times(target: Target, tokens: number): Promise<number[]> {
    // The stand-in adds a listener per held-back token, and Node would warn.
    EventEmitter.defaultMaxListeners = Math.max(EventEmitter.defaultMaxListeners, tokens + 10);
    const gate = this.#standIn.gate(randomUUID(), tokens + 1);
    const stream = await open(below(target, this.#api.eventsPath));
    const arrivals = watch(stream);
    try {
      const { id } = await make(target, this.#api.createSession());
      await make(target, this.#api.prompt(id, `Count, ${gate.token}`));
      const times: number[] = [];
      for (let n = 0; n <= tokens; n++) {
        const arrived = arrivals(gate.chunk(n).trim());
        const began = performance.now();
        gate.release(n);
        times.push((await arrived) - began);
      }
      return times.slice(1);
    } finally {
      gate.release();
      stream.destroy();
    }
  }

  /** A session to prompt in. */
  async session(target: Target): Promise<string> {
    return (await make(target, this.#api.createSession())).id;
  }

  /**
   * Prompts, and ends when the answer's first token has arrived. A stream that ends meanwhile is opened again, as the page does. Nothing of the answer is
   * let go before the stream is the project's own: what a page has missed it asks for, and this does not.
   */
  async firstToken(target: Target, session: string): Promise<void> {
    const gate = this.#standIn.gate(randomUUID(), 1);
    try {
      await make(target, this.#api.prompt(session, `Count, ${gate.token}`));
      for (let isOver = false; !isOver; ) {
        const stream = await open(below(target, this.#api.eventsPath));
        const arrived = watch(stream)(gate.chunk(0).trim()).then(() => true);
        arrived.catch(() => {}); // of a stream that has ended
        const ended = new Promise<boolean>((resolve) => stream.once("close", () => resolve(false)));
        // Else it is the notice page's, of a sleeper, and is cut once that is awake.
        if (stream.headers["x-opencode-state"] === undefined) gate.release(0);
        isOver = await Promise.race([arrived, ended]);
        stream.destroy();
      }
    } finally {
      gate.release();
    }
  }

  async stop(): Promise<void> {
    rmSync(this.#file, { force: true });
    await this.#standIn.close();
  }

  get #file(): string {
    return join(this.#platform.folder, ".workspaces", this.#project, "opencode.json");
  }

  /** opencode reads its settings at its start. */
  async #restart(): Promise<void> {
    const container = this.#platform.names.project(this.#project);
    await docker("restart", container);
    await untilContainersHealthy([container]);
  }
}

function open({ host, port, path, headers }: Target): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const sent = get({ host, port, path, headers, agent: false }, (response) =>
      response.statusCode === 200 ? resolve(response) : reject(new Error(`answered ${response.statusCode}`)),
    );
    sent.on("error", reject);
  });
}

/** Sends a call to a target. */
export function make<Result>(target: Target, { method, path, body, read }: Call<Result>): Promise<Result> {
  const text = JSON.stringify(body ?? {});
  const headers = {
    ...target.headers,
    "content-type": "application/json",
    "content-length": Buffer.byteLength(text),
  };
  const { host, port } = target;
  return new Promise((resolve, reject) => {
    const sent = request({ host, port, path: below(target, path).path, method, headers }, (response) => {
      let answer = "";
      response.setEncoding("utf8");
      response.on("data", (part: string) => {
        answer += part;
      });
      response.on("error", reject);
      response.on("end", () => {
        try {
          resolve(read({ status: response.statusCode ?? 500, body: answer }));
        } catch (error) {
          reject(error);
        }
      });
    });
    sent.on("error", reject).end(text);
  });
}

/** Waits for a text on a stream; call it before the text is expected. */
function watch(stream: IncomingMessage): (text: string) => Promise<number> {
  let rest = "";
  let look = () => {};
  stream.setEncoding("utf8");
  stream.on("error", () => {});
  stream.on("data", (part: string) => {
    rest = (rest + part).slice(-KEPT - part.length);
    look();
  });
  return (text) =>
    new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => reject(new Error(`${text} did not arrive within ${PATIENCE / 1000} s`)),
        PATIENCE,
      );
      look = () => {
        if (!rest.includes(text)) return;
        clearTimeout(timer);
        resolve(performance.now());
        look = () => {};
      };
      look();
    });
}
