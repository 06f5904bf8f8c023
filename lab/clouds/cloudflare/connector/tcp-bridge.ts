/** A TCP server (`ssh://…`, `tcp://…`) behind a WebSocket, as `cloudflared access` speaks to it. */
import { createServer, type IncomingMessage } from "node:http";
import { connect } from "node:net";
import { type Duplex, duplexPair, pipeline } from "node:stream";
import { createWebSocketStream, WebSocketServer } from "ws";

/** Connects to `host` first: a client only gets its WebSocket once the server is connected. */
function bridge(
  target: { host: string; port: number },
  timeout: number,
  upgrade: (done: (socket: Duplex) => void) => void,
  client: Duplex,
): void {
  const server = connect({ host: target.host, port: target.port, timeout });
  server.once("timeout", () => server.destroy(new Error("timeout while connecting")));
  server.once("error", () => client.destroy());
  server.once("connect", () => {
    server.setTimeout(0);
    server.setNoDelay(true);
    upgrade((stream) => pipeline(stream, server, stream, () => server.destroy()));
  });
}

/**
 * Makes connections to an in-process HTTP server that bridges WebSockets to `target`. It listens on no
 * address, so only the tunnel can reach `target` through it.
 */
export function tcpBridge(target: { host: string; port: number }, timeout: number): () => Duplex {
  const sockets = new WebSocketServer({ noServer: true });
  const http = createServer((_, response) => response.writeHead(400).end());
  http.on("upgrade", (request: IncomingMessage, client: Duplex, head: Buffer) =>
    bridge(
      target,
      timeout,
      (done) => sockets.handleUpgrade(request, client, head, (socket) => done(createWebSocketStream(socket))),
      client,
    ),
  );
  return () => {
    const [near, far] = duplexPair();
    http.emit("connection", far);
    return near;
  };
}
