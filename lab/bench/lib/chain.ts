import { type ChildProcess, spawn } from "node:child_process";
import { subscribe } from "node:diagnostics_channel";
import { once } from "node:events";
import type { Socket } from "node:net";
import { join } from "node:path";
import { urlAt } from "../../../test/support/attach/example.ts";
import { Machine } from "../../../test/support/attach/world.ts";
import { type Example, SITE, startExample } from "../../clouds/cloudflare/example/index.ts";
import type { Target } from "./http.ts";
import { type Platform, projectName } from "./platform.ts";

const PROGRAM = join(import.meta.dirname, "../../../attach/bin.mjs");

/**
 * Without this, Nagle's algorithm on the stand-in's edge costs 40 ms per response; a real edge disables it.
 */
function sendAtOnce(): void {
  subscribe("net.server.socket", (message) => (message as { socket: Socket }).socket.setNoDelay(true));
}

/**
 * A terminal's path to the first project: by the local proxy only, or through everything in front of a
 * droplet.
 */
export class Chain {
  readonly #platform: Platform;
  readonly #example: Example;
  readonly #machine: Machine;
  readonly #children: ChildProcess[] = [];

  private constructor(platform: Platform, example: Example) {
    this.#platform = platform;
    this.#example = example;
    this.#machine = new Machine(example);
  }

  /**
   * Starts stand-ins of Cloudflare's edge and of the connector in this process, in front of the platform's
   * gateway.
   */
  static async start(platform: Platform): Promise<Chain> {
    sendAtOnce();
    const example = await startExample();
    const chain = new Chain(platform, example);
    const { port, urls } = platform;
    const rule = {
      hostname: SITE,
      service: `http://127.0.0.1:${port}`,
      originRequest: {
        httpHostHeader: `${urls.hostname(projectName(1))}:${port}`,
        access: { required: true, teamName: "acme", audTag: [example.aud] },
      },
    };
    const complaint = await example.configure(example.ingress(rule));
    if (complaint) throw new Error(complaint);
    // A user's token, as cloudflared stores it.
    chain.#machine.install("cloudflared", `echo ${await example.sign({ expiresIn: 86_400 })}`);
    return chain;
  }

  /** The local proxy to this machine's gateway. */
  proxy(): Promise<Target> {
    const { port, urls } = this.#platform;
    return this.#print(`http://${urls.hostname(projectName(1))}:${port}/`);
  }

  /** The local proxy to the edge, then the connector and the gateway. */
  whole(): Promise<Target> {
    return this.#print(urlAt(this.#example).href);
  }

  async stop(): Promise<void> {
    for (const child of this.#children) {
      const ended = child.exitCode === null ? once(child, "exit") : undefined;
      child.kill();
      await ended;
    }
    this.#machine.remove();
    await this.#example.stop();
  }

  /** Starts the program with `--print` and returns its URL. */
  async #print(url: string): Promise<Target> {
    const child = spawn(process.execPath, [PROGRAM, url, "--print"], {
      env: this.#machine.env,
      stdio: ["ignore", "pipe", "inherit"],
    });
    this.#children.push(child);
    const [line] = await Promise.race([
      once(child.stdout, "data") as Promise<[Buffer]>,
      once(child, "exit").then(([code]) => {
        throw new Error(`${url} --print ended with ${code}`);
      }),
    ]);
    const { hostname, port, pathname } = new URL(String(line).trim());
    return { host: hostname, port: Number(port), path: pathname, headers: {} };
  }
}
