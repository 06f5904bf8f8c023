/**
 * Stand-in for `cloudflared`: `tunnel run` with a token, `tunnel ready`, and `access ssh|tcp`. It serves
 * tunnels that are configured at Cloudflare, over one HTTP/2 connection.
 *
 * Not covered: QUIC, several connections, configuration files, credentials files, quick tunnels, WARP
 * routing, `access login|token|curl`.
 */
import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { type Flags, readFlags, UsageError } from "./arguments.ts";
import { carry } from "./carrier.ts";
import { serveMetrics } from "./metrics.ts";
import { type Network, systemNetwork } from "./network.ts";
import { Tunnel } from "./tunnel.ts";
import type { Registration } from "./wire.ts";

export const VERSION = "stand-in";

const GLOBAL: Flags = {
  "no-autoupdate": { kind: "boolean", variable: "NO_AUTOUPDATE" },
  version: { kind: "boolean" },
};

const TUNNEL: Flags = {
  "no-autoupdate": { kind: "boolean" },
  metrics: { kind: "string", variable: "TUNNEL_METRICS" },
  loglevel: { kind: "string", variable: "TUNNEL_LOGLEVEL" },
  protocol: { kind: "string", variable: "TUNNEL_TRANSPORT_PROTOCOL" },
  "edge-ip-version": { kind: "string", variable: "TUNNEL_EDGE_IP_VERSION" },
  "grace-period": { kind: "string", variable: "TUNNEL_GRACE_PERIOD" },
  retries: { kind: "string", variable: "TUNNEL_RETRIES" },
  // The real one also has this, for its own tests.
  edge: { kind: "string", variable: "TUNNEL_EDGE" },
};

const RUN: Flags = {
  token: { kind: "string", variable: "TUNNEL_TOKEN" },
  "token-file": { kind: "string", variable: "TUNNEL_TOKEN_FILE" },
  protocol: { kind: "string" },
};

/** Default address of metrics in the real image. */
const CONTAINER_METRICS = "0.0.0.0:20241";

const log = (text: string) => void process.stderr.write(`${new Date().toISOString()} ${text}\n`);

/** Parses a tunnel's token. Throws if it is invalid. */
export function readToken(token: string, connector: string): Registration {
  try {
    const { a, t, s } = JSON.parse(Buffer.from(token, "base64").toString("utf8")) as Record<string, unknown>;
    if (typeof a !== "string" || typeof t !== "string" || typeof s !== "string")
      throw new Error("incomplete");
    return { account: a, tunnel: t, secret: s, connector, version: VERSION };
  } catch {
    throw new UsageError("Provided Tunnel token is not valid.");
  }
}

function tokenOf(values: Readonly<Record<string, unknown>>): string {
  if (values.token) return String(values.token);
  if (!values["token-file"])
    throw new UsageError("the stand-in for cloudflared runs tunnels by token only: --token or --token-file");
  try {
    return readFileSync(String(values["token-file"]), "utf8").trim();
  } catch (error) {
    throw new UsageError(`Failed to read token file: ${(error as Error).message}`);
  }
}

/** Milliseconds of a duration such as `30s` or `1m0s`. */
function milliseconds(duration: unknown): number {
  const parts = /^(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?$/.exec(String(duration));
  if (!parts || !duration) throw new UsageError(`invalid value "${duration}" for flag -grace-period`);
  const [, hours = 0, minutes = 0, seconds = 0] = parts;
  return ((Number(hours) * 60 + Number(minutes)) * 60 + Number(seconds)) * 1000;
}

/** `tunnel ready`: fails unless a running connector's metrics server reports a connection. */
async function askReady(metrics: unknown): Promise<void> {
  if (!metrics) throw new Error("--metrics has to be provided");
  const url = `http://${metrics}/ready`;
  const response = await fetch(url);
  if (response.status !== 200)
    throw new Error(`${url} endpoint returned status code ${response.status}\n${await response.text()}`);
}

async function runTunnel(args: readonly string[], network: Network): Promise<void> {
  const of = readFlags(args, TUNNEL);
  const [command, ...more] = of.rest;
  if (command === "ready") return await askReady(of.values.metrics);
  if (command !== "run")
    throw new UsageError(`the stand-in for cloudflared has no \`tunnel ${command ?? ""}\``);
  const run = readFlags(more, RUN);
  const protocol = run.values.protocol ?? of.values.protocol ?? "auto";
  if (!["auto", "http2"].includes(String(protocol)))
    throw new UsageError(`the stand-in for cloudflared speaks http2, not ${protocol}`);
  const connector = randomUUID();
  const registration = readToken(tokenOf(run.values), connector);
  const [host = "", port] = String(of.values.edge ?? "region1.v2.argotunnel.com:7844").split(":");
  const tunnel = new Tunnel({
    registration,
    edge: { host, port: Number(port) },
    network,
    log,
    backoff: 1000,
    retries: Number(of.values.retries ?? 5),
  });
  log(`INF Starting tunnel tunnelID=${registration.tunnel}`);
  log(`INF Generated Connector ID: ${connector}`);
  const metrics = serveMetrics(String(of.values.metrics ?? CONTAINER_METRICS), tunnel, connector);
  metrics.on("error", (error) => log(`ERR metrics server: ${error.message}`));
  for (const signal of ["SIGTERM", "SIGINT"] as const)
    process.once(signal, () => {
      log(`INF Initiating graceful shutdown due to signal ${signal} ...`);
      tunnel.stop(milliseconds(of.values["grace-period"] ?? "30s"));
    });
  await tunnel.run();
  metrics.close();
}

/** Runs a command line. Throws `UsageError` if cloudflared would reject it. */
export async function cloudflared(args: readonly string[]): Promise<void> {
  const { values, rest } = readFlags(args, GLOBAL);
  const [command, ...more] = rest;
  if (values.version || command === "version")
    return void process.stdout.write(`cloudflared version ${VERSION}\n`);
  if (command === "tunnel") return await runTunnel(more, systemNetwork());
  if (command === "access" && ["ssh", "tcp", "rdp", "smb"].includes(more[0] ?? ""))
    return await carry(more.slice(1), systemNetwork());
  throw new UsageError(`the stand-in for cloudflared has no command ${rest.slice(0, 2).join(" ")}`);
}
