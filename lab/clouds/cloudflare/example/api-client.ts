/** A client of the API, as the stand-in's own tests need it. */
import type { Cloudflare } from "../index.ts";

export interface Answer {
  readonly status: number;
  readonly success: boolean;
  readonly errors: readonly { code: number; message: string; error_chain?: { message: string }[] }[];
  // biome-ignore lint/suspicious/noExplicitAny: tests read whatever the API answered
  readonly result: any;
  readonly result_info?: { count: number; total_count: number };
}

/** What an answer refuses with: `409 1013 You already have …`. */
export const refusal = ({ status, errors }: Answer): string =>
  `${status} ${errors[0]?.code} ${errors[0]?.message}`;

export class ApiClient {
  readonly account: string;
  readonly #url: string;
  readonly #token: string;

  constructor({ apiUrl, accountId }: Cloudflare, token: string) {
    this.account = `/accounts/${accountId}`;
    this.#url = apiUrl;
    this.#token = token;
  }

  /** Any call, whatever comes of it. */
  async call(method: string, path: string, body?: unknown, token = this.#token): Promise<Answer> {
    const response = await fetch(this.#url + path, {
      method,
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return { status: response.status, ...((await response.json()) as object) } as Answer;
  }

  get(path: string, token?: string): Promise<Answer> {
    return this.call("GET", path, undefined, token);
  }

  /** The result of a call that has to succeed; by default one that makes something. */
  async result(path: string, body?: unknown, method = "POST"): Promise<Answer["result"]> {
    const answer = await this.call(method, path, body);
    if (!answer.success) throw new Error(`${method} ${path}: ${refusal(answer)}`);
    return answer.result;
  }
}
