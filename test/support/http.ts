import { type IncomingHttpHeaders, type IncomingMessage, request } from "node:http";

export interface Asked {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface Question {
  readonly port: number;
  /** The Host header; the connection always goes to loopback. */
  readonly host?: string;
  readonly path?: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as a form if it is one, else as JSON. */
  readonly body?: unknown;
}

/** Sends one request on a connection of its own and reads the whole response. Does not follow redirects. */
export async function ask(question: Question): Promise<Asked> {
  const response = await open(question);
  let body = "";
  response.setEncoding("utf8");
  for await (const part of response) body += part;
  return { status: response.statusCode ?? 0, headers: response.headers, body };
}

/** Requests a page like a browser, and follows redirects on the same gateway. */
export async function visit(port: number, url: string): Promise<Asked> {
  let at = new URL(url);
  for (let hops = 0; hops < 5; hops++) {
    const question = { port, host: at.host, path: at.pathname + at.search, headers: { accept: "text/html" } };
    const answer = await ask(question);
    if (answer.status < 300 || answer.status > 399) return answer;
    at = new URL(answer.headers.location ?? "", at);
  }
  throw new Error(`${url} redirects for ever`);
}

/** Sends one request and returns once the response's head has arrived. */
export function open({
  port,
  host,
  path = "/",
  method = "GET",
  headers = {},
  body,
}: Question): Promise<IncomingMessage> {
  const isForm = body instanceof URLSearchParams;
  const text = body === undefined ? undefined : isForm ? String(body) : JSON.stringify(body);
  const json = text === undefined ? {} : { "content-type": "application/json" };
  const type = isForm ? { "content-type": "application/x-www-form-urlencoded" } : json;
  return new Promise((resolve, reject) => {
    const options = { host: "127.0.0.1", port, path, method, agent: false, timeout: 60_000 };
    const sent = request(
      { ...options, headers: { host: host ?? `localhost:${port}`, ...type, ...headers } },
      resolve,
    );
    sent.on("error", reject);
    sent.on("timeout", () => sent.destroy(new Error(`no answer in 60 s: ${method} ${host ?? ""}${path}`)));
    sent.end(text);
  });
}

/** The events of an open stream (SSE), as they arrive. */
export async function* events(response: IncomingMessage): AsyncGenerator<unknown> {
  let rest = "";
  response.setEncoding("utf8");
  for await (const part of response) {
    rest += part;
    const blocks = rest.split("\n\n");
    rest = blocks.pop() ?? "";
    for (const block of blocks) {
      const data = block.split("\n").flatMap((line) => (line.startsWith("data:") ? [line.slice(5)] : []));
      if (data.length > 0) yield JSON.parse(data.join("\n"));
    }
  }
}
