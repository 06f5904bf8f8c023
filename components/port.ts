import { get } from "node:http";
import { createServer } from "node:net";
import { ConfigError } from "../config/errors.ts";
import { settingKey } from "../config/stack.ts";

/**
 * Refuses a port that another program has, before anything is made: Traefik would only restart for ever.
 * A port on which this stack's own Traefik answers is fine.
 * @throws ConfigError naming the port and the setting.
 */
export async function assertPortUsable(port: number, prefix: string): Promise<void> {
  if ((await isFree(port)) || (await isOwnGateway(port, prefix))) return;
  throw new ConfigError([
    {
      where: settingKey("port"),
      what: `port ${port} on 127.0.0.1 is taken by another program`,
      fix: `stop that program (ss -ltnp 'sport = :${port}' names it), or choose another port: npm run pulumi -- config set ${settingKey("port")} ${port + 1}`,
    },
  ]);
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    // Anything but "in use" (a port below 1024 without being root, say) is for Traefik to find out.
    server.once("error", (error: NodeJS.ErrnoException) => resolve(error.code !== "EADDRINUSE"));
    server.listen({ port, host: "127.0.0.1", exclusive: true }, () => server.close(() => resolve(true)));
  });
}

/** Asked with node:http, because fetch refuses ports that browsers refuse. */
function isOwnGateway(port: number, prefix: string): Promise<boolean> {
  return new Promise((resolve) => {
    const request = get({ host: "127.0.0.1", port, path: "/ping", timeout: 3000 }, (response) => {
      response.resume();
      resolve(response.headers["x-opencode-platform"] === prefix);
    });
    request.on("timeout", () => request.destroy());
    request.on("error", () => resolve(false));
  });
}
