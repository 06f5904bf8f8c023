/** The program on a colleague's machine, with an edge, an index and a project. */
import { readFileSync, writeFileSync } from "node:fs";
import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import { join, resolve } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach } from "vitest";
import { type Example, OPEN, SITE, startExample } from "../../../lab/clouds/cloudflare/example/index.ts";
import { urlAt } from "./example.ts";
import { type Ended, Machine } from "./world.ts";

export const MAIN = resolve(import.meta.dirname, "../../../attach/src/main.ts");
export const HEALTHY = '{"healthy":true,"version":"1.18.33"}';

export interface Answered {
  readonly status?: number;
  readonly body?: string;
  readonly type?: string;
  readonly headers?: Record<string, string>;
}

/** Fixture of a test file, reset before each test; created by `useProgram`. */
export class Program {
  example!: Example;
  machine!: Machine;

  /** Sets the platform's responses: the index at a hostname without Access, a project at the site. */
  platform({ status = 200, body = HEALTHY, type = "application/json", headers }: Answered = {}): void {
    this.example.answer((request: IncomingMessage, response: ServerResponse) => {
      if (request.url === "/projects.json") {
        const projects = [
          { name: "shop", url: `https://${SITE}/`, state: "running" },
          { name: "docs", url: "https://docs-code.example.com/", state: "stopped" },
        ];
        response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify({ projects }));
      } else response.writeHead(status, { "content-type": type, ...headers }).end(body);
    });
  }

  /** Sets a handler for all requests. */
  answer(handler: RequestListener): void {
    this.example.answer(handler);
  }

  run(args: string[], env: Record<string, string | undefined> = {}): Promise<Ended> {
    return this.machine.run(process.execPath, [MAIN, ...args], { OPENCODE_PLATFORM_URL: this.index, ...env });
  }

  get index(): string {
    return urlAt(this.example, OPEN).href;
  }

  get project(): string {
    return urlAt(this.example).href;
  }

  get asMachine(): Record<string, string> {
    return {
      CF_ACCESS_CLIENT_ID: this.example.machine["CF-Access-Client-Id"] ?? "",
      CF_ACCESS_CLIENT_SECRET: this.example.machine["CF-Access-Client-Secret"] ?? "",
    };
  }

  /** Installs a cloudflared that reads its token from a file. */
  installCloudflared(login = "exit 1"): void {
    const { folder } = this.machine;
    this.machine.install(
      "cloudflared",
      `echo "$@" >> ${folder}/cloudflared.log
case "$2" in
  token) cat ${folder}/token 2>/dev/null || echo "Unable to find token" >&2;;
  login) ${login};;
esac`,
    );
  }

  /** Arguments of each call of cloudflared. */
  get logged(): string[] {
    return readFileSync(join(this.machine.folder, "cloudflared.log"), "utf8").trim().split("\n");
  }

  /** Installs an opencode that requests one page and exits with 42, or stays with `--stay`. */
  installOpencode(): void {
    const { folder } = this.machine;
    this.machine.install(
      "opencode",
      `[ "$1" = --version ] && echo 1.18.33 && exit; exec ${process.execPath} ${folder}/client.mjs "$@"`,
    );
    writeFileSync(
      join(folder, "client.mjs"),
      `const [, , command, url, ...more] = process.argv;
const { OPENCODE_SERVER_USERNAME: user, OPENCODE_SERVER_PASSWORD: password } = process.env;
const authorization = "Basic " + Buffer.from(user + ":" + password).toString("base64");
const { status } = await fetch(url + "/any", { headers: { authorization } });
console.log(JSON.stringify({ command, more, status, secrets: Object.keys(process.env).filter((name) => name.startsWith("CF_")) }));
if (more.includes("--stay")) setInterval(() => {}, 1000);
else process.exit(42);\n`,
    );
  }
}

/** Sets up a program for a test file, with a new machine for each test. */
export function useProgram(): Program {
  const program = new Program();
  beforeAll(async () => {
    program.example = await startExample();
  });
  afterAll(() => program.example.stop());
  beforeEach(() => {
    program.machine = new Machine(program.example);
    program.installOpencode();
    program.platform();
  });
  afterEach(() => program.machine.remove());
  return program;
}
