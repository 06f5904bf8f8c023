import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { type Example, startExample } from "../../../lab/clouds/cloudflare/example/index.ts";
import { type ModelStandIn, startModel } from "../../../lab/model/model.ts";
import { ask } from "../http.ts";
import { projectApi } from "../opencode.ts";
import { Platform } from "../platform.ts";
import { waitFor } from "../wait.ts";
import { logIn } from "./login.ts";

/** Hostname of a project at the edge, as a droplet's stack names it. */
export const hostOf = (project: string): string => `${project}-code.example.com`;
/** Hostname of the platform's index. */
export const PANEL = "code.example.com";

/** A member of the project `alpha`, and a person who can see the index but is a member of no project. */
export const ANN = "ann@example.com";
export const BOB = "bob@example.com";

interface Application {
  readonly id: string;
  readonly policy: string;
}

/**
 * From the edge to the containers: stand-ins of Access and the connector in front of the real gateway and projects of a platform on this
 * machine.
 */
export class Chain {
  readonly platform = new Platform();
  readonly example: Example;
  readonly model: ModelStandIn;
  /** Logins so far. */
  logins = 0;
  readonly #applications = new Map<string, Application>();
  readonly #desk = createServer((request, response) => {
    const { searchParams } = new URL(request.url ?? "/", "http://desk");
    this.logins++;
    logIn(this.example.cloudflare, searchParams.get("url") ?? "", searchParams.get("email") ?? "").then(
      (token) => response.end(token),
      (error: Error) => response.writeHead(403).end(error.message),
    );
  });

  private constructor(example: Example, model: ModelStandIn) {
    this.example = example;
    this.model = model;
  }

  /** @param members addresses of each project's members, by its name */
  static async start(members: Readonly<Record<string, readonly string[]>>): Promise<Chain> {
    const platform = new Platform();
    // The suite before may have run another release of opencode.
    await platform.reset();
    const { modelPort } = platform.fixture;
    const chain = new Chain(await startExample(), await startModel({ port: modelPort }));
    chain.#desk.listen(0, "127.0.0.1");
    await once(chain.#desk, "listening");
    for (const [project, emails] of Object.entries(members)) await chain.#protect(hostOf(project), emails);
    await chain.#protect(PANEL, ["@example.com"]);
    await chain.#route(Object.keys(members));
    return chain;
  }

  /** URL at which a stand-in cloudflared logs in. */
  get desk(): string {
    return `http://127.0.0.1:${(this.#desk.address() as AddressInfo).port}`;
  }

  /** URL of a project, or of the index. */
  url(project?: string): string {
    const host = project ? hostOf(project) : PANEL;
    return `https://${host}:${this.example.cloudflare.edge.httpsPort}/`;
  }

  /** Environment variables with the service token. */
  get serviceToken(): Record<string, string> {
    const { machine } = this.example;
    return {
      CF_ACCESS_CLIENT_ID: machine["CF-Access-Client-Id"] ?? "",
      CF_ACCESS_CLIENT_SECRET: machine["CF-Access-Client-Secret"] ?? "",
    };
  }

  /** Changes a project's members, and how long a login lasts. */
  async admit(project: string, emails: readonly string[], duration = "1h"): Promise<void> {
    const { api } = this.example;
    const { policy } = this.#application(project);
    await api.result(
      `${api.account}/access/policies/${policy}`,
      people(hostOf(project), emails, duration),
      "PUT",
    );
  }

  /** Ends all logins at a project and drops its connections, as an update that removes a member does. */
  async revoke(project: string): Promise<void> {
    const { api, cloudflare, tunnelId } = this.example;
    await api.result(`${api.account}/access/apps/${this.#application(project).id}/revoke_tokens`);
    cloudflare.edge.drop(tunnelId);
  }

  /** Ends all logins at a project, without dropping connections. */
  async expire(project: string): Promise<void> {
    const { api } = this.example;
    await api.result(`${api.account}/access/apps/${this.#application(project).id}/revoke_tokens`);
  }

  /** Waits until a project answers at the edge. */
  async answers(project: string): Promise<void> {
    const token = await this.example.cloudflare.sign({ application: hostOf(project), email: ANN });
    await waitFor(
      `${project} to answer at the edge`,
      async () => {
        const headers = { "cf-access-token": token };
        const url = `https://${hostOf(project)}${projectApi.health.path}`;
        const { status } = await this.example.cloudflare.edge.fetch(url, { headers });
        return status === 200 ? { done: true } : { seen: status };
      },
      { within: 180_000 },
    );
  }

  /** A project's state in the gateway's notice; undefined once the project itself answers. */
  async notice(project: string): Promise<string | undefined> {
    const { headers } = await ask({
      port: this.platform.fixture.port,
      path: `/p/${project}${projectApi.health.path}`,
    });
    return headers["x-opencode-state"]?.toString();
  }

  /** Restarts the connector. */
  async reconnect(): Promise<void> {
    this.example.tunnel.stop();
    await this.example.connect();
  }

  async stop(): Promise<void> {
    this.#desk.close();
    this.#desk.closeAllConnections();
    await this.example.stop();
    await this.model.close();
  }

  #application(project: string): Application {
    const found = this.#applications.get(hostOf(project));
    if (!found) throw new Error(`no application for ${project}`);
    return found;
  }

  /** Creates a DNS record and an application for a hostname, with policies for people and the service token. */
  async #protect(hostname: string, emails: readonly string[]): Promise<void> {
    const { api, cloudflare, tunnelId } = this.example;
    const content = `${tunnelId}.cfargotunnel.com`;
    const record = { type: "CNAME", name: hostname, content, ttl: 1, proxied: true };
    await api.result(`/zones/${cloudflare.zoneId}/dns_records`, record);
    const policies = `${api.account}/access/policies`;
    const policy = await api.result(policies, people(hostname, emails, "1h"));
    const [token] = [...cloudflare.state.serviceTokens.values()];
    const machines = await api.result(policies, {
      name: `${hostname} machines`,
      decision: "non_identity",
      include: [{ service_token: { token_id: token?.id } }],
    });
    const { id } = await this.example.application(hostname, [policy, machines]);
    this.#applications.set(hostname, { id, policy: policy.id });
  }

  /** Configures the connector to check tokens, and to send each hostname to the gateway under the name it knows. */
  async #route(projects: readonly string[]): Promise<void> {
    const { port } = this.platform.fixture;
    const service = `http://127.0.0.1:${port}`;
    const rule = (hostname: string, httpHostHeader: string) => {
      const app = [...this.example.cloudflare.state.applications.values()].find(
        ({ domain }) => domain === hostname,
      );
      const access = { required: true, teamName: "acme", audTag: [app?.aud] };
      return { hostname, service, originRequest: { access, httpHostHeader } };
    };
    const rules = projects.map((project) => rule(hostOf(project), `${project}.localhost:${port}`));
    const error = await this.example.configure(this.example.ingress(...rules, rule(PANEL, PANEL)));
    if (error) throw new Error(error);
  }
}

/** A policy for addresses and `@domain`s. */
function people(hostname: string, emails: readonly string[], duration: string) {
  return {
    name: `${hostname} people`,
    decision: "allow",
    include: emails.map((email) =>
      email.startsWith("@") ? { email_domain: { domain: email.slice(1) } } : { email: { email } },
    ),
    session_duration: duration,
  };
}
