/** `cloudflared access ssh|tcp`: this process's stdin and stdout over a WebSocket to a hostname behind Access. */

import { Duplex } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createWebSocketStream, WebSocket } from "ws";
import { type Flags, readFlags, UsageError } from "./arguments.ts";
import type { Network } from "./network.ts";

const FLAGS: Flags = {
  hostname: { kind: "string", variable: "TUNNEL_SERVICE_HOSTNAME" },
  T: { kind: "string" },
  header: { kind: "list" },
  H: { kind: "list" },
  "service-token-id": { kind: "string", variable: "TUNNEL_SERVICE_TOKEN_ID" },
  id: { kind: "string" },
  "service-token-secret": { kind: "string", variable: "TUNNEL_SERVICE_TOKEN_SECRET" },
  secret: { kind: "string" },
  loglevel: { kind: "string" },
  "log-level": { kind: "string" },
};

function headersOf(values: ReturnType<typeof readFlags>["values"]): Record<string, string> {
  const given = [...((values.header as string[]) ?? []), ...((values.H as string[]) ?? [])].map((header) => {
    const [name = "", ...value] = header.split(":");
    return [name.trim(), value.join(":").trim()];
  });
  const id = (values.id ?? values["service-token-id"]) as string | undefined;
  const secret = (values.secret ?? values["service-token-secret"]) as string | undefined;
  return {
    ...Object.fromEntries(given),
    "user-agent": "cloudflared/stand-in",
    ...(id ? { "cf-access-client-id": id } : {}),
    ...(secret ? { "cf-access-client-secret": secret } : {}),
  };
}

/** Opens the WebSocket, or throws the reason. */
function open(hostname: string, headers: Record<string, string>, { ca, at }: Network): Promise<WebSocket> {
  const { host, port } = at(hostname);
  const options = { servername: hostname, ca, headers: { host: hostname, ...headers } };
  const socket = new WebSocket(`wss://${host}:${port}`, options);
  return new Promise((resolve, reject) => {
    socket.once("open", () => resolve(socket));
    socket.once("error", reject);
    socket.once("unexpected-response", (_, response) => {
      const login = response.headers.location?.includes("/cdn-cgi/access/login");
      const why = login
        ? "Access requires a login, which the stand-in for cloudflared doesn't support: use a service token"
        : "websocket: bad handshake";
      reject(new Error(`${why} (status ${response.statusCode})`));
      socket.terminate();
    });
  });
}

/** Runs until either side ends. */
export async function carry(args: readonly string[], network: Network, io: Duplex = stdio()): Promise<void> {
  const { values, rest } = readFlags(args, FLAGS);
  if (rest.length > 0)
    throw new UsageError("the stand-in for cloudflared can't listen on an address for `access`");
  const hostname = (values.T ?? values.hostname) as string | undefined;
  if (!hostname) throw new UsageError("hostname is required");
  const name = hostname.replace(/^https?:\/\//, "").replace(/\/.*$/, "");
  const socket = createWebSocketStream(await open(name, headersOf(values), network));
  await Promise.race([pipeline(io, socket), pipeline(socket, io)]);
  socket.destroy();
}

const stdio = () => Duplex.from({ readable: process.stdin, writable: process.stdout });
