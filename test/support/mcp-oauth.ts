/** An MCP server that wants a log-in, with its authorization server: discovery, registration, PKCE, tokens (MCP 2025-06-18; RFC 7591, 8414, 9728). */
import { createHash, randomUUID } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

interface Grant {
  readonly redirect: string;
  readonly challenge: string;
  readonly client: string;
}

export class McpOauth {
  /** Codes and tokens that it has given. */
  readonly given: string[] = [];
  /** Calls that were let in. */
  readonly calls: string[] = [];
  readonly #clients = new Map<string, readonly string[]>();
  readonly #codes = new Map<string, Grant>();
  readonly #tokens = new Set<string>();
  readonly #server: Server;
  readonly #host: string;

  /** @param host the name or address that it is called by */
  constructor(host: string) {
    this.#host = host;
    this.#server = createServer((request, response) => {
      this.#answer(request, response).catch(() => response.destroy());
    });
  }

  async listen(address: string): Promise<void> {
    await once(this.#server.listen(0, address), "listening");
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get origin(): string {
    return `http://${this.#host}:${this.port}`;
  }

  /** For opencode's settings. */
  get url(): string {
    return `${this.origin}/mcp`;
  }

  /** What a person's browser is sent to for saying yes, or no, at an address of `/authorize`. */
  consent(address: string, answer: "yes" | "no" = "yes"): string {
    const { searchParams } = new URL(address);
    const [client = "", redirect = "", state = "", challenge = ""] = [
      "client_id",
      "redirect_uri",
      "state",
      "code_challenge",
    ].map((name) => searchParams.get(name) ?? "");
    if (searchParams.get("code_challenge_method") !== "S256" || challenge === "")
      throw new Error("no PKCE in the request");
    if (!this.#clients.get(client)?.includes(redirect))
      throw new Error(`${redirect} is not registered for ${client}`);
    const to = new URL(redirect);
    to.searchParams.set("state", state);
    if (answer === "no") {
      to.searchParams.set("error", "access_denied");
      to.searchParams.set("error_description", "The person said no");
      return to.href;
    }
    const code = this.#give();
    this.#codes.set(code, { redirect, challenge, client });
    to.searchParams.set("code", code);
    return to.href;
  }

  #give(): string {
    const secret = `oauth-canary-${randomUUID()}`;
    this.given.push(secret);
    return secret;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname } = new URL(request.url ?? "/", this.origin);
    let body = "";
    for await (const part of request) body += part;
    const json = (status: number, value: unknown, headers = {}) =>
      response
        .writeHead(status, { "content-type": "application/json", ...headers })
        .end(value === undefined ? "" : JSON.stringify(value));
    const { origin } = this;
    if (pathname.startsWith("/.well-known/oauth-protected-resource"))
      return void json(200, { resource: this.url, authorization_servers: [origin] });
    if (pathname.startsWith("/.well-known/oauth-authorization-server"))
      return void json(200, {
        issuer: origin,
        authorization_endpoint: `${origin}/authorize`,
        token_endpoint: `${origin}/token`,
        registration_endpoint: `${origin}/register`,
        response_types_supported: ["code"],
        grant_types_supported: ["authorization_code", "refresh_token"],
        code_challenge_methods_supported: ["S256"],
        token_endpoint_auth_methods_supported: ["none"],
      });
    if (pathname === "/register") return void json(201, this.#register(body));
    if (pathname === "/token") {
      const tokens = this.#redeem(new URLSearchParams(body));
      return void json(tokens ? 200 : 400, tokens ?? { error: "invalid_grant" });
    }
    if (pathname !== "/mcp") return void json(404, {});
    if (!this.#tokens.has(String(request.headers.authorization).replace(/^Bearer /, "")))
      return void json(
        401,
        { error: "invalid_token" },
        {
          "www-authenticate": `Bearer resource_metadata="${origin}/.well-known/oauth-protected-resource"`,
        },
      );
    if (request.method !== "POST") return void json(405, {});
    const reply = this.#call(JSON.parse(body) as Call);
    json(reply ? 200 : 202, reply);
  }

  #register(body: string): unknown {
    const wanted = JSON.parse(body) as { redirect_uris: string[] };
    const id = randomUUID();
    this.#clients.set(id, wanted.redirect_uris);
    return { ...wanted, client_id: id, client_id_issued_at: Math.floor(Date.now() / 1000) };
  }

  #redeem(form: URLSearchParams): unknown {
    const code = form.get("code") ?? "";
    const grant = this.#codes.get(code);
    this.#codes.delete(code);
    const challenge = createHash("sha256")
      .update(form.get("code_verifier") ?? "")
      .digest("base64url");
    const isIts =
      grant?.challenge === challenge &&
      grant.client === form.get("client_id") &&
      grant.redirect === form.get("redirect_uri");
    if (!isIts) return undefined;
    const token = this.#give();
    this.#tokens.add(token);
    return { access_token: token, token_type: "Bearer", expires_in: 3600, refresh_token: this.#give() };
  }

  #call({ id, method, params }: Call): unknown {
    this.calls.push(method);
    if (id === undefined) return undefined;
    const results: Record<string, unknown> = {
      initialize: {
        protocolVersion: params?.protocolVersion,
        capabilities: { tools: {} },
        serverInfo: { name: "stand-in", version: "1" },
      },
      "tools/list": { tools: [{ name: "hello", inputSchema: { type: "object" } }] },
    };
    const result = results[method];
    return {
      jsonrpc: "2.0",
      id,
      ...(result ? { result } : { error: { code: -32601, message: "Method not found" } }),
    };
  }
}

interface Call {
  readonly id?: number | string;
  readonly method: string;
  readonly params?: { readonly protocolVersion?: string };
}
