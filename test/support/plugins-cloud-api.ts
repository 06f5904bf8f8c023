/** A small HTTP API with responses from a test, for the clouds' plugins. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { Context, Resource } from "../../lab/plugins/shared/resource.ts";
import type { PlainProps, Props } from "../../lab/plugins/shared/values.ts";

/** A received request. */
export interface Asked {
  readonly call: string;
  readonly body: PlainProps;
  readonly authorization: string | undefined;
}

export type Reply = [status: number, body: unknown, headers?: Record<string, string>];

export interface CloudApi {
  readonly address: string;
  readonly asked: Asked[];
  answer: (call: string, body: PlainProps) => Reply;
  close(): void;
}

/** Starts it on a free port. */
export async function startCloudApi(): Promise<CloudApi> {
  const asked: Asked[] = [];
  const server = createServer((request, response) => {
    let text = "";
    request.on("data", (chunk) => {
      text += chunk;
    });
    request.on("end", () => {
      const body = text === "" ? {} : (JSON.parse(text) as PlainProps);
      const call = `${request.method} ${request.url}`;
      asked.push({ call, body, authorization: request.headers.authorization });
      const [status, json, headers] = api.answer(call, body);
      response.writeHead(status, headers);
      response.end(status === 204 ? undefined : JSON.stringify(json));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const api: CloudApi = {
    address: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    answer: () => [500, {}],
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
  return api;
}

export const context: Context = {
  urn: "u",
  name: "n",
  signal: new AbortController().signal,
  log: () => {},
  status: () => {},
};

/** The properties in a diff, with a mark for replacements. */
export async function changes(resource: Resource, state: Props, news: Props): Promise<string[]> {
  const diff = await resource.diff({ id: "1", oldInputs: {}, state, news, ignore: [] });
  return diff.changes.map(({ property, replace }) => `${property}${replace ? "!" : ""}`);
}
