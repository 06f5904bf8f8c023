/** A stand-in webhook of Slack or Discord. */
import { randomBytes } from "node:crypto";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";

/** A received post. */
export interface Posted {
  readonly method: string | undefined;
  readonly contentType: string | undefined;
  readonly body: unknown;
}

export class WebhookStandIn {
  /** The secret part of its URL. */
  readonly secret = randomBytes(12).toString("hex");
  /** Whether it answers 500. */
  isBroken = false;
  /** Posts answered with 200. */
  readonly taken: Posted[] = [];
  /** Posts answered with 500. */
  readonly refused: Posted[] = [];
  /** Requests for other paths. */
  readonly strays: string[] = [];
  readonly #server: Server;

  private constructor() {
    const path = `/services/T0/${this.secret}`;
    this.#server = createServer(async (request, response) => {
      let text = "";
      for await (const chunk of request) text += chunk;
      if (request.url !== path) {
        this.strays.push(String(request.url));
        response.writeHead(404).end();
        return;
      }
      const posted = {
        method: request.method,
        contentType: request.headers["content-type"],
        body: JSON.parse(text) as unknown,
      };
      (this.isBroken ? this.refused : this.taken).push(posted);
      response.writeHead(this.isBroken ? 500 : 200).end(this.isBroken ? "internal_error" : "ok");
    });
  }

  static async start(): Promise<WebhookStandIn> {
    const webhook = new WebhookStandIn();
    await new Promise<void>((resolve) => webhook.#server.listen(0, "127.0.0.1", resolve));
    return webhook;
  }

  get url(): string {
    const { port } = this.#server.address() as AddressInfo;
    return `http://127.0.0.1:${port}/services/T0/${this.secret}`;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
