/** Cloudflare's API as the official plugin uses it. */
import { STATUS_CODES } from "node:http";
import { refusedAddress } from "../../../config/stack/stand-ins.ts";
import { plainConfig, typedConfig } from "../shared/config.ts";
import { num, record, str } from "../shared/plain.ts";
import { Rest } from "../shared/rest.ts";
import { checkProps, type Failure, type Schema, text } from "../shared/schema.ts";
import type { Plain, PlainProps, Props } from "../shared/values.ts";

/** Marks a property as not supported. */
export function notCovered(what: string): { readonly refused: string } {
  return {
    refused: `the stand-in cloudflare plugin doesn't cover ${what}; install the official plugin to use it`,
  };
}

/** The provider's configuration. */
export const configSchema: Schema = {
  apiKey: { ...text, pattern: /^[0-9A-Za-z\-_]{37,60}$/ },
  apiToken: { ...text, pattern: /^[0-9A-Za-z\-_]{40,80}$/ },
  apiUserServiceKey: text,
  baseUrl: text,
  email: text,
  // Only allowed characters of a header.
  userAgentOperatorSuffix: text,
  version: text,
  pluginDownloadURL: text,
};

/** Problems of the provider's configuration. */
export function checkConfig(config: Props): Failure[] {
  return checkProps(configSchema, typedConfig(configSchema, config));
}

const RETRIES = 2;
const PASSING: readonly number[] = [408, 409, 429];

let rest: Rest | undefined;

/**
 * Takes credentials and URL from the configuration or the environment.
 * @throws Error for an address outside the tests: a stand-in never calls the real cloud
 */
export function configure(config: Props): void {
  const given = plainConfig(configSchema, config);
  const setting = (name: string, variable: string): string | undefined =>
    str(given[name]) ?? (process.env[variable] || undefined);
  const base = setting("baseUrl", "CLOUDFLARE_BASE_URL") ?? "https://api.cloudflare.com/client/v4";
  const refused = refusedAddress("cloudflare", "cloudflare:baseUrl", base);
  if (refused !== undefined) throw new Error(refused);
  const token = setting("apiToken", "CLOUDFLARE_API_TOKEN");
  const credentials = {
    Authorization: token === undefined ? undefined : `Bearer ${token}`,
    "X-Auth-Key": setting("apiKey", "CLOUDFLARE_API_KEY"),
    "X-Auth-Email": setting("email", "CLOUDFLARE_EMAIL"),
    "X-Auth-User-Service-Key": setting("apiUserServiceKey", "CLOUDFLARE_API_USER_SERVICE_KEY"),
  };
  // Without credentials the API itself fails, as with the official plugin.
  const headers = Object.entries(credentials).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, value] as const],
  );
  rest = new Rest({
    base,
    headers: Object.fromEntries(headers),
    retries: RETRIES,
    waitMinMs: 2000,
    waitMaxMs: 30_000,
    passing: (status) => PASSING.includes(status) || status >= 500,
    words: (_body, whole, status) => `${STATUS_CODES[status] ?? ""} ${whole.trim().slice(0, 2000)}`,
  });
}

/** A call's whole response. */
export async function envelope(
  signal: AbortSignal,
  method: string,
  path: string,
  body?: unknown,
): Promise<PlainProps> {
  if (rest === undefined) configure({});
  return (rest as Rest).object(method, path, signal, body);
}

/** A call's result. */
export async function call(
  signal: AbortSignal,
  method: string,
  path: string,
  body?: unknown,
): Promise<Plain | undefined> {
  return (await envelope(signal, method, path, body)).result;
}

/** All items of a paginated list. */
export async function pages(
  signal: AbortSignal,
  path: string,
  query: Readonly<Record<string, string>>,
): Promise<Plain[]> {
  const items: Plain[] = [];
  for (let page = 1; ; page++) {
    const parameters = new URLSearchParams({ ...query, ...(page === 1 ? {} : { page: String(page) }) });
    const answer = await envelope(signal, "GET", parameters.size === 0 ? path : `${path}?${parameters}`);
    if (Array.isArray(answer.result)) items.push(...answer.result);
    if (page >= (num(record(answer.result_info)?.total_pages) ?? 1)) return items;
  }
}

/** The official plugin's prefix of API errors. */
export const FAILED = "failed to make http request";
