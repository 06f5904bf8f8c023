/** A client of the API for the stand-in's own tests. */
import type { Cloudflare } from "../index.ts";

export interface Answer {
  readonly status: number;
  readonly success: boolean;
  readonly errors: readonly { code: number; message: string; error_chain?: { message: string }[] }[];
  // biome-ignore lint/suspicious/noExplicitAny: tests read any response of the API
  readonly result: any;
  readonly result_info?: { count: number; total_count: number };
}

/** The error of a response: `409 1013 You already have …`. */
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

  /** Makes any call, successful or not. */
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

  /** The result of a call that must succeed. Default: a POST. */
  async result(path: string, body?: unknown, method = "POST"): Promise<Answer["result"]> {
    const answer = await this.call(method, path, body);
    if (!answer.success) throw new Error(`${method} ${path}: ${refusal(answer)}`);
    return answer.result;
  }
}
