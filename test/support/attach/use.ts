/** The program on a colleague's machine, with an edge, an index and a project. */
import { readFileSync, writeFileSync } from "node:fs";
import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import { join, resolve } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach } from "vitest";
import { OPENCODE } from "../../../config/versions.ts";
import { type Example, OPEN, SITE, startExample } from "../../../lab/clouds/cloudflare/example/index.ts";
import { urlAt } from "./example.ts";
import { HEALTHY } from "./releases.ts";
import { type Ended, Machine } from "./world.ts";

export const MAIN = resolve(import.meta.dirname, "../../../attach/src/main.ts");

export interface Answered {
  readonly status?: number;
  readonly body?: string;
  readonly type?: string;
  readonly headers?: Record<string, string>;
}

/** What the installed opencode prints. */
export interface Started {
  readonly args: readonly string[];
  readonly status: number;
  readonly variables: readonly string[];
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
          {
            name: "shop",
            url: `https://${SITE}/`,
            state: "running",
            ports: { admin: `https://shop-admin-${SITE}/` },
          },
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

  /**
   * Installs an opencode that requests one page and exits with 42, or stays with `--stay`. It prints its arguments
   * and the names of its variables.
   */
  installOpencode(version = OPENCODE): void {
    const { folder } = this.machine;
    this.machine.install(
      "opencode",
      `[ "$1" = --version ] && echo ${version} && exit; exec ${process.execPath} ${folder}/client.mjs "$@"`,
    );
    writeFileSync(
      join(folder, "client.mjs"),
      `const args = process.argv.slice(2);
const { OPENCODE_SERVER_USERNAME: user = "opencode", OPENCODE_SERVER_PASSWORD, OPENCODE_PASSWORD } = process.env;
const authorization = "Basic " + Buffer.from(user + ":" + (OPENCODE_PASSWORD ?? OPENCODE_SERVER_PASSWORD)).toString("base64");
const url = args.find((each) => each.startsWith("http://127.0.0.1:"));
const { status } = await fetch(url + "/any", { headers: { authorization } });
const variables = Object.keys(process.env).filter((name) => /^(CF_|OPENCODE_(?!PLATFORM_URL$))/.test(name)).sort();
console.log(JSON.stringify({ args: args.map((each) => (each === url ? "<url>" : each)), status, variables }));
if (args.includes("--stay")) setInterval(() => {}, 1000);
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
    program.example.seen = [];
    program.machine = new Machine(program.example);
    program.installOpencode();
    program.platform();
  });
  afterEach(() => program.machine.remove());
  return program;
}
