import { createServer } from "node:net";

// Not imported: Node would load its whole HTTP client for fetch with it, in each update.
const { get } = process.getBuiltinModule("node:http");

/** Response header of `/ping` that says whose gateway answers: the stack's prefix. */
export const GATEWAY_HEADER = "X-Opencode-Platform";

/** Whether nothing listens on a port of 127.0.0.1. */
export function isPortFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    // Anything but "in use" (a port below 1024 without being root, say) is for Traefik to find out.
    server.once("error", (error: NodeJS.ErrnoException) => resolve(error.code !== "EADDRINUSE"));
    server.listen({ port, host: "127.0.0.1", exclusive: true }, () => server.close(() => resolve(true)));
  });
}

/** The prefix of the stack whose gateway answers on a port of 127.0.0.1; undefined where none does. */
export function gatewayPrefix(port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const request = get({ host: "127.0.0.1", port, path: "/ping", timeout: 3000 }, (response) => {
      response.resume();
      const owner = response.headers[GATEWAY_HEADER.toLowerCase()];
      resolve(response.statusCode === 200 && typeof owner === "string" ? owner : undefined);
    });
    request.on("timeout", () => request.destroy());
    request.on("error", () => resolve(undefined));
  });
}
