/**
 * Stand-in for a company's forward proxy: tunnels by `CONNECT`, and passes on requests for http addresses. It resolves names itself, so that a
 * client needs neither DNS nor another way out, and notes what it was asked for.
 *
 * Not covered: authentication, caching, HTTP/2, TLS to the proxy itself, interception.
 */
import { createServer, request as httpRequest, type IncomingMessage, type ServerResponse } from "node:http";
import { connect, type Socket } from "node:net";
import { type Listening, listen } from "../clouds/http.ts";

export interface ProxyStandIn extends Listening {
  /** What it was asked for: `CONNECT git.example.com:443`, `GET http://…`. */
  readonly requests: readonly string[];
}

/** Where a name and port lead to: a port of this machine's loopback, `outside` for where they really are, or undefined for what it refuses with 403. */
export type Route = (hostname: string, port: number) => number | "outside" | undefined;

/** Starts a proxy. Port and host as for `listen`. */
export async function startProxy(
  route: Route,
  options: { host?: string; port?: number } = {},
): Promise<ProxyStandIn> {
  const requests: string[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((request, response) => {
    requests.push(`${request.method} ${request.url}`);
    passOn(request, response, route);
  });
  server.on("connect", (request: IncomingMessage, client: Socket, head: Buffer) => {
    requests.push(`CONNECT ${request.url}`);
    client.on("error", () => client.destroy());
    const [, hostname = "", port = ""] = /^\[?(.+?)\]?:(\d+)$/.exec(request.url ?? "") ?? [];
    const to = route(hostname, Number(port));
    if (to === undefined) {
      client.end("HTTP/1.1 403 Forbidden\r\n\r\n");
      return;
    }
    const address =
      to === "outside" ? { host: hostname, port: Number(port) } : { host: "127.0.0.1", port: to };
    const far = connect(address, () => {
      client.write("HTTP/1.1 200 Connection Established\r\n\r\n");
      far.write(head);
      far.pipe(client).pipe(far);
    });
    far.on("error", () => client.destroy());
    far.on("close", () => client.destroy());
    client.on("close", () => far.destroy());
    for (const socket of [client, far]) {
      sockets.add(socket);
      socket.once("close", () => sockets.delete(socket));
    }
  });
  const listening = await listen(server, options);
  return {
    port: listening.port,
    requests,
    close: () => {
      for (const socket of sockets) socket.destroy();
      return listening.close();
    },
  };
}

function passOn(request: IncomingMessage, response: ServerResponse, route: Route): void {
  const url = URL.parse(request.url ?? "");
  const to = url?.protocol === "http:" ? route(url.hostname, Number(url.port || 80)) : undefined;
  if (!url || to === undefined) {
    response.writeHead(403).end();
    return;
  }
  const sent = httpRequest(
    {
      ...(to === "outside" ? { host: url.hostname, port: url.port || 80 } : { host: "127.0.0.1", port: to }),
      method: request.method,
      path: url.pathname + url.search,
      headers: request.headers,
    },
    (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    },
  );
  sent.on("error", () => response.destroy());
  request.pipe(sent);
}
