/** A TCP server (`ssh://…`, `tcp://…`) behind a WebSocket, as `cloudflared access` speaks to it. */
import { createServer, type IncomingMessage } from "node:http";
import { connect } from "node:net";
import { type Duplex, duplexPair, pipeline } from "node:stream";
import { createWebSocketStream, WebSocketServer } from "ws";

/** Connects to `host` first: a client gets its WebSocket only when there is somebody to talk to. */
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
 * Makes connections to an HTTP server within this process that turns WebSockets into connections to `target`. It listens nowhere, so that
 * nobody reaches `target` by it but the tunnel.
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
