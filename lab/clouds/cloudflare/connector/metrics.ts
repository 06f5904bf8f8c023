/** The connector's metrics server: `/ready`, `/healthcheck` and part of `/metrics`. */
import { createServer, type Server } from "node:http";
import type { Tunnel } from "./tunnel.ts";

export function serveMetrics(address: string, tunnel: Tunnel, connector: string): Server {
  const server = createServer((request, response) => {
    if (request.url === "/healthcheck") return response.end("OK\n");
    const ready = tunnel.ready ? 1 : 0;
    if (request.url === "/ready") {
      const status = ready ? 200 : 503;
      response.writeHead(status, { "content-type": "application/json" });
      return response.end(JSON.stringify({ status, readyConnections: ready, connectorId: connector }));
    }
    if (request.url === "/metrics") return response.end(`cloudflared_tunnel_ha_connections ${ready}\n`);
    return response.writeHead(404).end();
  });
  const [, host, port] = /^(.*):(\d+)$/.exec(address) ?? [];
  return server.listen(Number(port), host || "localhost");
}
