/** A tunnel's configuration: cloudflared's ingress rules, with cloudflared's checks. */
import { Hono } from "hono";
import { z } from "zod";
import { now, type Tunnel, type TunnelConfiguration } from "../state.ts";
import { ApiError, input, ok } from "./envelope.ts";
import type { ApiEnv } from "./permissions.ts";

const refuse = (message: string) =>
  new ApiError(400, { code: 1056, message: `Bad Configuration: ${message}` });

const seconds = z.int().nonnegative().optional();

const OriginRequestSchema = z.strictObject({
  access: z
    .strictObject({
      required: z.boolean().optional(),
      teamName: z.string(),
      audTag: z.array(z.string()),
    })
    .optional(),
  caPool: z.string().optional(),
  connectTimeout: seconds,
  disableChunkedEncoding: z.boolean().optional(),
  http2Origin: z.boolean().optional(),
  httpHostHeader: z.string().optional(),
  keepAliveConnections: seconds,
  keepAliveTimeout: seconds,
  matchSNItoHost: z.boolean().optional(),
  noHappyEyeballs: z.boolean().optional(),
  noTLSVerify: z.boolean().optional(),
  originServerName: z.string().optional(),
  proxyType: z.string().optional(),
  tcpKeepAlive: seconds,
  tlsTimeout: seconds,
});

const Body = z.strictObject({
  config: z.strictObject({
    ingress: z
      .array(
        z.strictObject({
          hostname: z.string().optional(),
          path: z.string().optional(),
          service: z.string(),
          originRequest: OriginRequestSchema.optional(),
        }),
      )
      .optional(),
    originRequest: OriginRequestSchema.optional(),
    "warp-routing": z
      .never({ error: "the stand-in for Cloudflare does not support WARP routing" })
      .optional(),
  }),
  source: z.enum(["local", "cloudflare"]).optional(),
});

function checkService(service: string): void {
  if (["hello_world", "hello-world", "bastion", "socks-proxy"].includes(service)) return;
  if (/^unix(\+tls)?:/.test(service)) return;
  const status = /^http_status:(.*)$/.exec(service)?.[1];
  if (status !== undefined) {
    if (/^\d+$/.test(status) && Number(status) >= 100 && Number(status) <= 999) return;
    throw refuse(`invalid HTTP status code: ${status}`);
  }
  const url = URL.parse(service);
  if (!url?.hostname)
    throw refuse(`${service} is an invalid address, please make sure it has a scheme and a hostname`);
  if (/^[^:]+:\/\/[^/]*\//.test(service))
    throw refuse(
      `${service} is an invalid address, ingress rules don't support proxying to a different path on the origin service. The path will be the same as the eyeball request's path`,
    );
}

function checkHostname(hostname: string): void {
  if (/:\d*$/.test(hostname)) throw refuse("Hostname cannot contain a port");
  if (hostname.lastIndexOf("*") > 0)
    throw refuse(
      'Hostname patterns can have at most one wildcard character ("*") and it can only be used for subdomains, e.g. "*.example.com"',
    );
}

function checkPath(path: string, index: number): void {
  try {
    new RegExp(path);
  } catch {
    throw refuse(`Rule #${index + 1} has an invalid regex`);
  }
}

/** Rejects rules that cloudflared would reject. */
export function checkIngress(config: TunnelConfiguration): void {
  const rules = config.ingress ?? [];
  for (const [index, rule] of rules.entries()) {
    checkService(rule.service);
    const access = rule.originRequest?.access;
    if (access?.required && access.teamName === "" && access.audTag.length > 0)
      throw refuse("access.TeamName cannot be blank when access.audTags are present");
    checkHostname(rule.hostname ?? "");
    if (rule.path) checkPath(rule.path, index);
    const catchesAll = ["", "*"].includes(rule.hostname ?? "") && !rule.path;
    const last = index === rules.length - 1;
    if (last && !catchesAll)
      throw refuse(
        "The last ingress rule must match all URLs (i.e. it should not have a hostname or path filter)",
      );
    if (!last && catchesAll)
      throw refuse(
        `Rule #${index + 1} is matching the hostname '${rule.hostname ?? ""}', but this will match every hostname, meaning the rules which follow it will never be triggered.`,
      );
  }
}

function shown(tunnel: Tunnel) {
  return {
    tunnel_id: tunnel.id,
    version: tunnel.configVersion,
    config: tunnel.config,
    source: tunnel.config_src,
    created_at: tunnel.configuredAt,
  };
}

export function configurations(
  find: (id: string) => Tunnel,
  events: { configured(tunnel: Tunnel): void },
): Hono<ApiEnv> {
  const app = new Hono<ApiEnv>().basePath("/:id/configurations");
  app.get("/", (c) => ok(c, shown(find(c.req.param("id")))));
  app.put("/", async (c) => {
    const tunnel = find(c.req.param("id"));
    const { config } = await input(c, Body, refuse);
    checkIngress(config);
    tunnel.config = config;
    tunnel.configVersion += 1;
    tunnel.configuredAt = now();
    events.configured(tunnel);
    return ok(c, shown(tunnel));
  });
  return app;
}
