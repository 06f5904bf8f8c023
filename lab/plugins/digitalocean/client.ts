/** DigitalOcean's API as the official plugin uses it. */
import { refusedAddress } from "../../../config/stack/stand-ins.ts";
import { plainConfig, typedConfig } from "../shared/config.ts";
import { num, record, records, str } from "../shared/plain.ts";
import type { Context } from "../shared/resource.ts";
import { doing, Rest } from "../shared/rest.ts";
import { checkProps, type Failure, integer, type Schema, text } from "../shared/schema.ts";
import { signature } from "../shared/sigv4.ts";
import type { Plain, PlainProps, Props } from "../shared/values.ts";
import { until } from "../shared/wait.ts";

/** Marks a property as not supported. */
export function notCovered(what: string): { readonly refused: string } {
  return {
    refused: `the stand-in digitalocean plugin doesn't cover ${what}; install the official plugin to use it`,
  };
}

/** The provider's configuration. */
export const configSchema: Schema = {
  apiEndpoint: text,
  httpRetryMax: integer,
  httpRetryWaitMax: { type: "number" },
  httpRetryWaitMin: { type: "number" },
  requestsPerSecond: { type: "number", ...notCovered("requestsPerSecond") },
  spacesAccessId: text,
  spacesEndpoint: text,
  spacesSecretKey: text,
  token: text,
  version: text,
  pluginDownloadURL: text,
};

/** Problems of the provider's configuration. */
export function checkConfig(config: Props): Failure[] {
  return checkProps(configSchema, typedConfig(configSchema, config));
}

let rest: Rest | undefined;
/** Where buckets are, with `{{.Region}}` for the region; and the key for them. */
let spaces: { endpoint: string; keyId: string; secret: string } | undefined;

/**
 * Takes token and URL from the configuration or the environment.
 * @throws Error for an address outside the tests: a stand-in never calls the real cloud
 */
export function configure(config: Props): void {
  const given = plainConfig(configSchema, config);
  const setting = (value: Plain | undefined, variable: string, fallback: number): number =>
    num(value) ?? (process.env[variable] ? Number(process.env[variable]) : fallback);
  const base = str(given.apiEndpoint) ?? (process.env.DIGITALOCEAN_API_URL || "https://api.digitalocean.com");
  const refused = refusedAddress("digitalocean", "digitalocean:apiEndpoint", base);
  if (refused !== undefined) throw new Error(refused);
  // Without a token the API itself fails, as with the official plugin.
  const token =
    str(given.token) ?? (process.env.DIGITALOCEAN_TOKEN || process.env.DIGITALOCEAN_ACCESS_TOKEN || "");
  spaces = {
    endpoint:
      str(given.spacesEndpoint) ??
      (process.env.SPACES_ENDPOINT_URL || "https://{{.Region}}.digitaloceanspaces.com"),
    keyId: str(given.spacesAccessId) ?? (process.env.SPACES_ACCESS_KEY_ID || ""),
    secret: str(given.spacesSecretKey) ?? (process.env.SPACES_SECRET_ACCESS_KEY || ""),
  };
  rest = new Rest({
    base,
    headers: { Authorization: `Bearer ${token}` },
    retries: setting(given.httpRetryMax, "DIGITALOCEAN_HTTP_RETRY_MAX", 4),
    waitMinMs: 1000 * setting(given.httpRetryWaitMin, "DIGITALOCEAN_HTTP_RETRY_WAIT_MIN", 1),
    waitMaxMs: 1000 * setting(given.httpRetryWaitMax, "DIGITALOCEAN_HTTP_RETRY_WAIT_MAX", 30),
    passing: (status) => status === 429 || (status >= 500 && status !== 501),
    words,
  });
}

function words(body: Plain, whole: string): string {
  const { message, request_id: request } = record(body) ?? {};
  const said = str(message) ?? whole.trim().slice(0, 300);
  return str(request) === undefined ? said : `(request "${str(request)}") ${said}`;
}

/** A call within an operation. */
export function call(context: Context, method: string, path: string, body?: unknown): Promise<PlainProps> {
  if (rest === undefined) configure({});
  return (rest as Rest).object(method, path, context.signal, body);
}

/** A call of S3 within an operation. Only a lookup may find nothing. @throws Error with the server's code, and for an address outside the tests */
export async function callSpaces(
  context: Context,
  call: { method: string; region: string; path: string; body: string; acl?: string },
): Promise<{ status: number; text: string }> {
  if (spaces === undefined) configure({});
  const { endpoint, keyId, secret } = spaces ?? { endpoint: "", keyId: "", secret: "" };
  if (!keyId || !secret) throw new Error("Spaces credentials not configured");
  const base = endpoint.replace("{{.Region}}", call.region);
  const refused = refusedAddress("digitalocean", "digitalocean:spacesEndpoint", base);
  if (refused !== undefined) throw new Error(refused);
  const { method, body, region } = call;
  const url = new URL(base.replace(/\/+$/, "") + call.path);
  const at = new Date().toISOString().replace(/[-:]|\.\d+/g, "");
  const headers = signature({ method, url, body, acl: call.acl, keyId, secret, region, at });
  const response = await fetch(url, { method, headers, signal: context.signal, ...(body ? { body } : {}) });
  const text = await response.text();
  if (response.ok || (response.status === 404 && /^(GET|HEAD)$/.test(method)))
    return { status: response.status, text };
  throw new Error(`${method} ${url}: ${/<Code>([^<]+)/.exec(text)?.[1] ?? response.status}`);
}

const ACTION_SECONDS = 3600;

/** Waits for the end of the action in a response. */
export async function finished(what: string, answer: PlainProps, context: Context): Promise<void> {
  const id = num(record(answer.action)?.id);
  const seconds = context.timeoutSeconds ?? ACTION_SECONDS;
  const ended = until({ seconds, signal: context.signal }, async () => {
    const action = record((await call(context, "GET", `/v2/actions/${id}`)).action) ?? {};
    if (action.status === "errored") throw new Error(`action ${id} has failed`);
    if (typeof action.completed_at === "string" || action.status === "completed") return { done: true };
    return { state: String(action.status) };
  });
  await doing(what, ended);
}

/** All items of a paginated list. */
export async function pages(context: Context, path: string, key: string): Promise<PlainProps[]> {
  const items: PlainProps[] = [];
  for (let page = 1; ; page++) {
    const answer = await call(context, "GET", `${path}?page=${page}&per_page=200`);
    items.push(...records(answer[key]));
    if (str(record(record(answer.links)?.pages)?.next) === undefined) return items;
  }
}
