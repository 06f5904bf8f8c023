/** A project whose route is the product's own, and whose server is the test's: it shows what reaches a container. */
import { rmSync, writeFileSync } from "node:fs";
import { createServer, type IncomingHttpHeaders, type OutgoingHttpHeaders, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { routeFile } from "../../components/proxy/routes.ts";
import { LOCAL_RUNTIME_DIR, ROUTES_DIR, routeFileName } from "../../config/naming/names.ts";
import { localUrls } from "../../config/naming/urls.ts";
import { ask } from "./http.ts";
import { RELEASE } from "./opencode.ts";
import type { Platform } from "./platform.ts";
import { waitFor } from "./wait.ts";

/** What a container would have got. */
export interface Arrived {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
}

/** Serves on a free port of loopback. */
export const serve = (server: Server): Promise<number> =>
  new Promise((resolve) => {
    server.listen(0, "127.0.0.1", () => resolve((server.address() as AddressInfo).port));
  });

/** A project's route file, with another server behind it. */
export function leadTo(url: string, project: string, file: string): string {
  const text = file.replace(/^# .*\n/, "").replaceAll(`${project}@docker`, `${project}_server`);
  const route = JSON.parse(text) as { http: Record<string, unknown> };
  route.http.services = { [`${project}_server`]: { loadBalancer: { servers: [{ url }] } } };
  return JSON.stringify(route);
}

/** A project `echo` of a running platform: no container, and an answer that the test chooses. */
export class EchoProject {
  readonly name = "echo";
  readonly password = "the password of echo";
  /** Every request that got through the gateway. */
  readonly arrived: Arrived[] = [];
  /** Sent with each answer. */
  headers: OutgoingHttpHeaders = {};
  /** Sent to browsers. */
  page = "<!doctype html><title>echo</title><p>a project's page";

  readonly #server = createServer(({ method = "", url = "", headers }, response) => {
    this.arrived.push({ method, path: url, headers });
    response.writeHead(200, { "content-type": "text/html", ...this.headers });
    response.end(this.page);
  });
  readonly #file: string;
  readonly #platform: Platform;

  constructor(platform: Platform) {
    this.#platform = platform;
    this.#file = platform.path(LOCAL_RUNTIME_DIR, ROUTES_DIR, routeFileName(this.name));
  }

  get host(): string {
    return `${this.name}.localhost:${this.#platform.fixture.port}`;
  }

  /** Paths that have arrived. */
  get paths(): string[] {
    return this.arrived.map(({ path }) => path);
  }

  async start(): Promise<void> {
    const { port } = this.#platform.fixture;
    const url = `http://127.0.0.1:${await serve(this.#server)}`;
    const { name, password } = this;
    const file = routeFile({
      name,
      urls: localUrls({ port, localDomain: "localhost" }),
      state: "running",
      version: RELEASE,
      password,
    });
    writeFileSync(this.#file, leadTo(url, name, file), { mode: 0o600 });
    await waitFor("the gateway to route to echo", async () => {
      const { status } = await ask({ port, path: `/p/${name}/up` });
      return status === 200 ? { done: true } : { seen: status };
    });
    this.arrived.length = 0;
  }

  stop(): void {
    rmSync(this.#file, { force: true });
    this.#server.close();
    this.#server.closeAllConnections();
  }
}
