import { chmodSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { stringify } from "yaml";
import { indexFile } from "../../../components/proxy/routes.ts";
import type { Platform } from "../platform.ts";
import { must } from "../run.ts";
import { hostOf, PANEL } from "./chain.ts";

export interface Listed {
  readonly name: string;
  readonly state: "running" | "stopped";
  readonly emails: readonly string[];
}

/**
 * The platform's index, which a platform on this machine does not have: a container of the notice image, to which the gateway routes the
 * panel's hostname as on a droplet.
 */
export class Index {
  readonly #platform: Platform;
  readonly #container: string;

  private constructor(platform: Platform) {
    this.#platform = platform;
    this.#container = `${platform.fixture.prefix}-index`;
  }

  static async start(platform: Platform, projects: readonly Listed[]): Promise<Index> {
    const index = new Index(platform);
    index.#write(projects);
    await index.#run();
    await index.#addRoute();
    return index;
  }

  async stop(): Promise<void> {
    rmSync(this.#route, { force: true });
    await must("docker", ["rm", "-f", this.#container]);
    rmSync(this.#folder, { recursive: true, force: true });
  }

  get #folder(): string {
    return this.#platform.path(".runtime", "test-index");
  }

  get #route(): string {
    return this.#platform.path(".runtime", "routes", "test-index.yml");
  }

  #write(projects: readonly Listed[]): void {
    mkdirSync(this.#folder, { recursive: true });
    chmodSync(this.#folder, 0o755);
    const urls = {
      domain: "example.com",
      hostname: hostOf,
      browser: (name: string) => `https://${hostOf(name)}/`,
      terminal: (name: string) => ({ url: hostOf(name), isBehindAccess: true }),
    };
    for (const { name, state, emails } of projects) {
      const text = indexFile({ name, state, urls, admitted: { emails, domains: [] } });
      writeFileSync(`${this.#folder}/${name}.json`, text, { mode: 0o644 });
    }
  }

  async #run(): Promise<void> {
    const { notice, platformLabel, prefix } = this.#platform.names;
    const inspected = await must("docker", ["inspect", "-f", "{{.Config.Image}}", notice]);
    const program = ["node", "/usr/local/lib/opencode-platform/notice.mjs"] as const;
    const flags = [
      "--name",
      this.#container,
      "--label",
      `${platformLabel}=${prefix}`,
      "--entrypoint",
      program[0],
    ];
    const volume = `${this.#folder}:/run/index:ro`;
    await must("docker", ["run", "-d", ...flags, "-v", volume, inspected.stdout.trim(), program[1]]);
  }

  async #addRoute(): Promise<void> {
    const address = "{{.NetworkSettings.IPAddress}}";
    const { stdout } = await must("docker", ["inspect", "-f", address, this.#container]);
    const customRequestHeaders = { "X-Opencode-Project": "", "X-Opencode-State": "index" };
    const service = { loadBalancer: { servers: [{ url: `http://${stdout.trim()}:8080` }] } };
    const router = { rule: `Host(\`${PANEL}\`)`, middlewares: ["test_index"], service: "test_index" };
    const http = {
      routers: { test_index: router },
      middlewares: { test_index: { headers: { customRequestHeaders } } },
      services: { test_index: service },
    };
    writeFileSync(this.#route, stringify({ http }), { mode: 0o600 });
  }
}
