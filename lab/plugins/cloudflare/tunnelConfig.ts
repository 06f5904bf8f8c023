/** cloudflare:index/zeroTrustTunnelCloudflaredConfig:ZeroTrustTunnelCloudflaredConfig. */
import { bridged, type Live } from "../shared/bridged.ts";
import { num, record, str } from "../shared/plain.ts";
import type { Context } from "../shared/resource.ts";
import { doing, ifFound } from "../shared/rest.ts";
import {
  computed,
  flag,
  integer,
  type Property,
  replaced,
  type Schema,
  text,
  textList,
} from "../shared/schema.ts";
import type { Plain, PlainProps } from "../shared/values.ts";
import { call, FAILED } from "./client.ts";
import { fromApi, type Naming, toApi } from "./wire.ts";

const access: Schema = {
  audTags: { ...textList, required: true },
  required: flag,
  teamName: { ...text, required: true },
};

const originRequest: Property = {
  type: "object",
  fields: {
    access: { type: "object", fields: access },
    caPool: text,
    connectTimeout: integer,
    disableChunkedEncoding: flag,
    http2Origin: flag,
    httpHostHeader: text,
    keepAliveConnections: integer,
    keepAliveTimeout: integer,
    matchSnItoHost: flag,
    noHappyEyeballs: flag,
    noTlsVerify: flag,
    originServerName: text,
    proxyType: text,
    tcpKeepAlive: integer,
    tlsTimeout: integer,
  },
};

const ingress: Schema = {
  hostname: text,
  originRequest,
  path: text,
  service: { ...text, required: true },
};

const config: Schema = {
  ingresses: { type: "list", items: { type: "object", fields: ingress } },
  originRequest,
};

export const schema: Schema = {
  accountId: { ...replaced(text), required: true },
  config: computed({ type: "object", fields: config }),
  source: { ...computed(text), pattern: /^(local|cloudflare)$/i },
  tunnelId: { ...replaced(text), required: true },
};

const SPECIAL: Readonly<Record<string, string>> = {
  audTags: "audTag",
  ingresses: "ingress",
  matchSnItoHost: "matchSNItoHost",
  noTlsVerify: "noTLSVerify",
};

/** This part of the API uses the names of cloudflared's own configuration. */
const naming: Naming = (property) => SPECIAL[property] ?? property;

function path(props: PlainProps): string {
  return `/accounts/${str(props.accountId)}/cfd_tunnel/${str(props.tunnelId)}/configurations`;
}

/** The API's JSON of a configuration. */
export function request(inputs: PlainProps): PlainProps {
  const given = record(inputs.config);
  return {
    ...(given === undefined ? {} : { config: toApi(config, given, naming) }),
    ...(str(inputs.source) === undefined ? {} : { source: str(inputs.source) ?? "" }),
  };
}

function added(result: PlainProps): PlainProps {
  return {
    createdAt: str(result.created_at) ?? "",
    source: str(result.source) ?? "",
    version: num(result.version) ?? 0,
  };
}

function object(result: Plain | undefined): PlainProps {
  return record(result) ?? {};
}

async function write(inputs: PlainProps, context: Context): Promise<Live> {
  const result = await doing(FAILED, call(context.signal, "PUT", path(inputs), request(inputs)));
  return { id: str(inputs.tunnelId) ?? "", properties: { ...added(object(result)), ...inputs } };
}

async function read(id: string, known: PlainProps, context: Context): Promise<Live | undefined> {
  const [accountId = "", tunnelId = ""] = id.split("/");
  const where = Object.keys(known).length > 0 ? known : { accountId, tunnelId };
  const result = await ifFound(FAILED, call(context.signal, "GET", path(where)));
  if (result === undefined) return undefined;
  const found = object(result);
  const properties = {
    ...where,
    ...added(found),
    config: fromApi(config, record(found.config) ?? {}, naming),
  };
  return { id: str(where.tunnelId) ?? id, properties };
}

export const tunnelConfig = bridged({
  schema,
  outputs: ["config", "createdAt", "source", "version"],
  deleteFirst: false,
  create: write,
  read,
  update: (_id, news, _state, context) => write(news, context),
  // As in the official plugin: it is deleted with its tunnel.
  delete: async () => {},
});
