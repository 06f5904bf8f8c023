/** Parses and matches a tunnel's ingress rules like cloudflared. */
import { type Access, accessCheck } from "./access.ts";
import type { Network } from "./network.ts";

/** The supported part of `originRequest`. Durations are in seconds. */
export interface OriginOptions {
  readonly connectTimeout?: number;
  readonly tlsTimeout?: number;
  readonly tcpKeepAlive?: number;
  readonly keepAliveConnections?: number;
  readonly keepAliveTimeout?: number;
  readonly noHappyEyeballs?: boolean;
  readonly noTLSVerify?: boolean;
  readonly httpHostHeader?: string;
  readonly originServerName?: string;
  readonly caPool?: string;
}

/** cloudflared's options that the stand-in lacks. */
const REFUSED = [
  "http2Origin",
  "disableChunkedEncoding",
  "matchSNItoHost",
  "proxyType",
  "bastionMode",
  "ipRules",
];

export type Service =
  | { readonly kind: "status"; readonly status: number }
  | { readonly kind: "http"; readonly url: URL }
  | { readonly kind: "tcp"; readonly host: string; readonly port: number; readonly url: string };

export interface Rule {
  readonly hostname: string;
  readonly path: RegExp | undefined;
  readonly service: Service;
  readonly options: OriginOptions;
  /** Undefined if the rule requires no Access token. */
  readonly access: Access | undefined;
}

interface GivenOptions extends OriginOptions {
  readonly access?: { required?: boolean; teamName: string; audTag: string[] };
}

/** A configuration as sent by the edge. */
export interface Configuration {
  readonly ingress?: readonly {
    hostname?: string;
    path?: string;
    service: string;
    originRequest?: GivenOptions;
  }[];
  readonly originRequest?: GivenOptions;
}

const PORTS: Record<string, number> = { ssh: 22, rdp: 3389, smb: 445, tcp: 7864 };

function service(text: string): Service {
  const status = /^http_status:(\d+)$/.exec(text)?.[1];
  if (status !== undefined) return { kind: "status", status: Number(status) };
  const url = URL.parse(text);
  if (!url?.hostname) throw new Error(`the stand-in for cloudflared has no service ${text}`);
  if (["http:", "https:", "ws:", "wss:"].includes(url.protocol)) {
    const secure = ["https:", "wss:"].includes(url.protocol);
    return { kind: "http", url: new URL(`${secure ? "https" : "http"}://${url.host}`) };
  }
  const scheme = url.protocol.slice(0, -1);
  const port = Number(url.port) || PORTS[scheme];
  if (port === undefined) throw new Error(`the stand-in for cloudflared has no service ${text}`);
  return { kind: "tcp", host: url.hostname.replace(/^\[(.*)\]$/, "$1"), port, url: text };
}

/** The rules of a configuration. Throws for unsupported ones. */
export function readRules(config: Configuration, network: Network): Rule[] {
  return (config.ingress ?? []).map((rule) => {
    const { access, ...own } = rule.originRequest ?? {};
    // cloudflared ignores a check in the tunnel's defaults and only reads each rule's own.
    const { access: _, ...defaults } = config.originRequest ?? {};
    const options: OriginOptions & Record<string, unknown> = { ...defaults, ...own };
    const refused = REFUSED.find((name) => options[name]);
    if (refused) throw new Error(`the stand-in for cloudflared has no originRequest.${refused}`);
    return {
      hostname: rule.hostname ?? "",
      path: rule.path ? new RegExp(rule.path) : undefined,
      service: service(rule.service),
      options,
      access: access?.required ? accessCheck(access.teamName, access.audTag, network) : undefined,
    };
  });
}

function hostMatches(pattern: string, hostname: string): boolean {
  if (pattern === "" || pattern === "*" || pattern === hostname) return true;
  return pattern.startsWith("*.") && hostname.endsWith(pattern.slice(1));
}

/** The first matching rule for a request, or the last one. Undefined without rules. */
export function findRule(rules: readonly Rule[], authority: string, path: string): Rule | undefined {
  const hostname = authority.replace(/:\d+$/, "");
  const match = rules.find((rule) => hostMatches(rule.hostname, hostname) && (rule.path?.test(path) ?? true));
  return match ?? rules.at(-1);
}
