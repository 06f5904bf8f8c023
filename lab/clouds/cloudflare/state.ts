/** The stand-in's state: one account with one zone. */
import { randomBytes, randomUUID } from "node:crypto";

export interface DnsRecord {
  readonly id: string;
  type: string;
  /** Full name, in the zone. */
  name: string;
  content: string;
  proxied: boolean;
  ttl: number;
  comment?: string;
  tags: string[];
  settings: Record<string, unknown>;
  readonly created_on: string;
  modified_on: string;
  comment_modified_on?: string;
}

/** A connector's connection to the edge, in the API's form. */
export interface TunnelConnection {
  readonly id: string;
  readonly uuid: string;
  readonly client_id: string;
  readonly client_version: string;
  readonly colo_name: string;
  readonly is_pending_reconnect: boolean;
  readonly opened_at: string;
  readonly origin_ip: string;
}

export interface AccessRequirement {
  required?: boolean;
  teamName: string;
  audTag: string[];
}

/** `originRequest` of a tunnel's configuration; durations are in seconds. */
export interface OriginRequest {
  access?: AccessRequirement;
  caPool?: string;
  connectTimeout?: number;
  disableChunkedEncoding?: boolean;
  http2Origin?: boolean;
  httpHostHeader?: string;
  keepAliveConnections?: number;
  keepAliveTimeout?: number;
  matchSNItoHost?: boolean;
  noHappyEyeballs?: boolean;
  noTLSVerify?: boolean;
  originServerName?: string;
  proxyType?: string;
  tcpKeepAlive?: number;
  tlsTimeout?: number;
}

export interface IngressRule {
  hostname?: string;
  path?: string;
  service: string;
  originRequest?: OriginRequest;
}

/** A tunnel's configuration, in the API and for the connector. */
export interface TunnelConfiguration {
  ingress?: IngressRule[];
  originRequest?: OriginRequest;
}

export interface Tunnel {
  readonly id: string;
  name: string;
  /** base64, at least 32 bytes. */
  secret: string;
  config_src: "local" | "cloudflare";
  readonly created_at: string;
  deleted_at: string | null;
  conns_active_at: string | null;
  conns_inactive_at: string | null;
  readonly connections: TunnelConnection[];
  config: TunnelConfiguration | null;
  configVersion: number;
  configuredAt: string;
}

/** One rule of a policy, such as `{ email: { email } }` or `{ everyone: {} }`. */
export type Rule = Record<string, Record<string, string>>;

export type Decision = "allow" | "deny" | "bypass" | "non_identity";

export interface Policy {
  readonly id: string;
  name: string;
  decision: Decision;
  include: Rule[];
  exclude: Rule[];
  require: Rule[];
  /** Takes precedence over the application's. */
  session_duration?: string;
  readonly created_at: string;
  updated_at: string;
}

export interface IdentityProvider {
  readonly id: string;
  name: string;
  type: "google" | "onetimepin";
  client_id?: string;
  client_secret?: string;
}

export interface ServiceToken {
  readonly id: string;
  name: string;
  readonly client_id: string;
  client_secret: string;
  client_secret_version: number;
  duration: string;
  expires_at: string;
  readonly created_at: string;
  updated_at: string;
}

export interface Application {
  readonly id: string;
  /** Audience tag. */
  readonly aud: string;
  name: string;
  domain: string;
  /** Every hostname that it protects, `domain` first. */
  hostnames: string[];
  session_duration: string;
  allowed_idps: string[];
  auto_redirect_to_identity: boolean;
  service_auth_401_redirect: boolean;
  /** Other properties, stored to be read back. */
  options: Record<string, unknown>;
  /** By precedence. */
  policies: { id: string; precedence: number }[];
  readonly created_at: string;
  updated_at: string;
  /** Tokens issued before this time (milliseconds) are rejected. */
  revokedBefore: number;
}

export interface State {
  readonly account: { readonly id: string; readonly name: string };
  readonly zone: { readonly id: string; readonly name: string; readonly created_on: string };
  readonly teamName: string;
  /** False until Zero Trust is enabled in the dashboard. */
  accessEnabled: boolean;
  readonly records: Map<string, DnsRecord>;
  readonly tunnels: Map<string, Tunnel>;
  readonly applications: Map<string, Application>;
  readonly policies: Map<string, Policy>;
  readonly identityProviders: Map<string, IdentityProvider>;
  readonly serviceTokens: Map<string, ServiceToken>;
  /** Tokens of a person (by e-mail) issued before this time (milliseconds) are rejected. */
  readonly revokedPeople: Map<string, number>;
}

export const hex = (bytes: number): string => randomBytes(bytes).toString("hex");

/** Cloudflare's ids of accounts, zones and records: 32 hexadecimal digits. */
export const newTag = (): string => hex(16);

export const now = (): string => new Date().toISOString();

export function newState(options: { domain: string; teamName: string }): State {
  return {
    account: { id: newTag(), name: `${options.teamName}'s Account` },
    zone: { id: newTag(), name: options.domain, created_on: now() },
    teamName: options.teamName,
    accessEnabled: true,
    records: new Map(),
    tunnels: new Map(),
    applications: new Map(),
    policies: new Map(),
    identityProviders: new Map(),
    serviceTokens: new Map(),
    revokedPeople: new Map(),
  };
}

/** Adds an identity provider, as in the dashboard. */
export function addIdentityProvider(
  state: State,
  provider: Omit<IdentityProvider, "id">,
): Readonly<IdentityProvider> {
  const added = { id: randomUUID(), ...provider };
  state.identityProviders.set(added.id, added);
  return added;
}

export const authDomain = (state: State): string => `${state.teamName}.cloudflareaccess.com`;
