/**
 * Stand-in for an OpenAI-compatible model API: `POST /v1/chat/completions` (streamed or whole) and `GET
 * /v1/models`.
 *
 * The answer is a function of the prompt and differs from it (`answerTo`), so that neither a page that only
 * shows the prompt nor a canned text can pass for an answer. A prompt that names a gate (`gate:NAME`) is
 * answered in chunks, each of which waits until the test releases it: a test can prove that chunk n arrived
 * before chunk n + 1 was sent. A prompt of `promptToRun` is answered by a call of the client's tool that runs commands, and the tool's
 * result by a text that repeats it.
 *
 * It rejects what the real API rejects: unknown paths (404), wrong methods (405), a missing or invalid key
 * (401), bodies that are not JSON or lack `model` or `messages` (400), unknown models (404).
 *
 * Not covered: other tool calls and such that are not streamed, images, audio, log probabilities, `n` > 1, stop sequences, real token counts, rate
 * limits (429), organisations and projects, the newer `/v1/responses` API.
 */
import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { type Listening, listen, readBody, sendJson } from "../clouds/http.ts";

/** The stand-in's only model. */
export const MODEL_ID = "stand-in-1";

/** A received request. */
export interface ModelRequest {
  readonly method: string;
  readonly path: string;
  readonly authorization: string | undefined;
  readonly prompt: string;
  readonly status: number;
}

/** Holds back the chunks of an answer to a prompt that contains its token. */
export interface Gate {
  /** The text that the prompt has to contain. */
  readonly token: string;
  /** Text of chunk n, counted from 0. */
  chunk(n: number): string;
  /** Releases chunks 0 … n. Default: all the rest. */
  release(n?: number): void;
  /** Number of chunks sent to the client that is furthest ahead. */
  readonly sent: number;
}

export interface ModelStandIn extends Listening {
  readonly requests: readonly ModelRequest[];
  /** Creates a gate for an answer of `chunks` chunks. */
  gate(name: string, chunks: number): Gate;
}

interface Chat {
  readonly model: string;
  readonly stream: boolean;
  readonly prompt: string;
  /** The call that the prompt asks for, where the client has such a tool and has not run it yet. */
  readonly call?: { readonly name: string; readonly arguments: string } | undefined;
  /** The result of the call before. */
  readonly result?: string | undefined;
}

interface Message {
  readonly role?: unknown;
  readonly content?: unknown;
}

interface Tool {
  readonly function?: { readonly name?: unknown; readonly parameters?: { readonly properties?: object } };
}

/** A prompt by which the model has a command run; encoded, so that it only gets to a shell by the model's answer. */
export const promptToRun = (command: string): string =>
  `Run it. run:${Buffer.from(command).toString("base64url")}`;

/** The answer to a prompt: a digest of the last `nonce:…` in it, or of the whole. */
export function answerTo(prompt: string): string {
  const nonce = [...prompt.matchAll(/nonce:([\w-]+)/g)].at(-1)?.[1] ?? prompt;
  return `answer-${createHash("sha256").update(nonce).digest("hex").slice(0, 16)}`;
}

/** Serves the API on `host` (default: every address, for containers). With a `key`, requests need it. */
export async function startModel(
  options: { key?: string; host?: string; port?: number } = {},
): Promise<ModelStandIn> {
  const requests: ModelRequest[] = [];
  const gates = new Map<string, GateState>();
  const server = createServer((request, response) => {
    answer(request, response, options.key, gates).then(
      (prompt) => requests.push(record(request, prompt, response.statusCode)),
      (error: unknown) => response.destroy(error as Error),
    );
  });
  const listening = await listen(server, options);
  return {
    ...listening,
    requests,
    gate(name, chunks) {
      const state = new GateState(name, chunks);
      gates.set(name, state);
      return state;
    },
  };
}

function record(request: IncomingMessage, prompt: string, status: number): ModelRequest {
  const { authorization } = request.headers;
  return { method: request.method ?? "", path: request.url ?? "", authorization, prompt, status };
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  key: string | undefined,
  gates: ReadonlyMap<string, GateState>,
): Promise<string> {
  const body = await readBody(request);
  const refuse = (status: number, message: string, code: string) => {
    sendJson(response, status, { error: { message, type: "invalid_request_error", param: null, code } });
    return "";
  };
  const path = new URL(request.url ?? "/", "http://model").pathname;
  const method = { "/v1/models": "GET", "/v1/chat/completions": "POST" }[path];
  if (!method) return refuse(404, `Invalid URL (${request.method} ${path})`, "unknown_url");
  if (request.method !== method)
    return refuse(405, `Not allowed to ${request.method} on ${path}`, "method_not_allowed");
  if (key && request.headers.authorization !== `Bearer ${key}`) {
    return refuse(401, "Incorrect API key provided", "invalid_api_key");
  }
  if (path === "/v1/models") {
    sendJson(response, 200, {
      object: "list",
      data: [{ id: MODEL_ID, object: "model", created: 0, owned_by: "test" }],
    });
    return "";
  }
  const chat = parseChat(body);
  if (!chat) return refuse(400, "We could not parse the JSON body of your request", "invalid_json");
  if (chat.model !== MODEL_ID)
    return refuse(404, `The model ${chat.model} does not exist`, "model_not_found");
  await complete(response, chat, gates);
  return chat.prompt;
}

function parseChat(body: string): Chat | undefined {
  try {
    const { model, messages, stream, tools } = JSON.parse(body) as Record<string, unknown>;
    if (typeof model !== "string" || !Array.isArray(messages) || messages.length === 0) return undefined;
    const users = (messages as Message[]).filter(({ role }) => role === "user");
    const prompt = users.map(({ content }) => text(content)).join("\n");
    const last = messages.at(-1) as Message;
    const result = last.role === "tool" ? text(last.content) : undefined;
    const call =
      result === undefined ? callFor(text(last.content), Array.isArray(tools) ? tools : []) : undefined;
    return { model, prompt, stream: stream === true, call, result };
  } catch {
    return undefined;
  }
}

function callFor(prompt: string, tools: readonly Tool[]): Chat["call"] {
  const [, encoded] = /\brun:([\w-]+)/.exec(prompt) ?? [];
  const tool = tools.find(({ function: { parameters } = {} }) =>
    Object.hasOwn(parameters?.properties ?? {}, "command"),
  );
  const name = tool?.function?.name;
  if (encoded === undefined || typeof name !== "string") return undefined;
  const command = Buffer.from(encoded, "base64url").toString("utf8");
  return { name, arguments: JSON.stringify({ command, description: "Runs what was asked for" }) };
}

function text(content: unknown): string {
  if (typeof content === "string") return content;
  if (!Array.isArray(content)) return "";
  return content.map((part: { text?: unknown }) => (typeof part.text === "string" ? part.text : "")).join("");
}

const USAGE = { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 };

async function complete(
  response: ServerResponse,
  chat: Chat,
  gates: ReadonlyMap<string, GateState>,
): Promise<void> {
  const created = Math.floor(Date.now() / 1000);
  const common = { id: `chatcmpl-${created}`, created, model: MODEL_ID };
  const whole = `${answerTo(chat.prompt)}${chat.result === undefined ? "" : `\n${chat.result}`}`;
  if (!chat.stream) {
    const message = { role: "assistant", content: whole };
    const choices = [{ index: 0, message, finish_reason: "stop" }];
    sendJson(response, 200, { ...common, object: "chat.completion", choices, usage: USAGE });
    return;
  }
  response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-cache" });
  const send = (delta: object, finish: string | null = null) => {
    const choices = [{ index: 0, delta, finish_reason: finish }];
    const usage = finish ? { usage: USAGE } : {};
    response.write(
      `data: ${JSON.stringify({ ...common, object: "chat.completion.chunk", choices, ...usage })}\n\n`,
    );
  };
  send({ role: "assistant", content: "" });
  if (chat.call) {
    send({
      tool_calls: [{ index: 0, id: `call_${answerTo(chat.prompt)}`, type: "function", function: chat.call }],
    });
    send({}, "tool_calls");
    response.end("data: [DONE]\n\n");
    return;
  }
  const gate = gates.get([...chat.prompt.matchAll(/gate:([\w-]+)/g)].at(-1)?.[1] ?? "");
  if (gate) {
    for (let n = 0; n < gate.chunks; n++) {
      await gate.opened(n, response);
      send({ content: gate.chunk(n) });
      gate.sent = Math.max(gate.sent, n + 1);
    }
  }
  send({ content: whole });
  send({}, "stop");
  response.end("data: [DONE]\n\n");
}

class GateState implements Gate {
  readonly name: string;
  readonly chunks: number;
  sent = 0;
  #released = -1;
  readonly #waiting = new Set<() => void>();

  constructor(name: string, chunks: number) {
    this.name = name;
    this.chunks = chunks;
  }

  get token(): string {
    return `gate:${this.name}`;
  }

  chunk(n: number): string {
    return `${answerTo(`${this.name}/${n}`)} `;
  }

  release(n = this.chunks): void {
    this.#released = Math.max(this.#released, n);
    for (const wake of this.#waiting) wake();
    this.#waiting.clear();
  }

  /** Waits until chunk n is released, or its client has disconnected. */
  async opened(n: number, response: ServerResponse): Promise<void> {
    while (this.#released < n && !response.destroyed) {
      await new Promise<void>((resolve) => {
        this.#waiting.add(resolve);
        response.once("close", resolve);
      });
    }
  }
}
