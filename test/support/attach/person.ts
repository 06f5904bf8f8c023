import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expiry } from "../../../attach/src/credentials.ts";
import { answerTo } from "../../../lab/model/model.ts";
import { DRAWN, opencodeBinary } from "../opencode.ts";
import { openTerminal, type Terminal } from "../terminal.ts";
import { type Probe, waitFor } from "../wait.ts";
import type { Chain } from "./chain.ts";
import { Machine } from "./world.ts";

/** The program in a checkout. */
export const BIN = join(import.meta.dirname, "../../../attach/bin.mjs");

/** A colleague and their machine, with cloudflared and opencode. */
export class Person extends Machine {
  readonly #chain: Chain;

  /** @param email address that cloudflared logs in with; undefined for a machine without cloudflared */
  constructor(chain: Chain, email?: string) {
    super(chain.example);
    this.#chain = chain;
    if (email) this.#installCloudflared(email);
  }

  /** Installs the projects' release of opencode in PATH. */
  async installOpencode(): Promise<void> {
    await opencodeBinary(this.#chain.platform.container("alpha"), this.bin);
  }

  /** Process ID of the program started last in a terminal. */
  get pid(): number {
    return Number(readFileSync(this.pidFile, "utf8"));
  }

  private get pidFile(): string {
    return join(this.folder, "pid");
  }

  private get exitFile(): string {
    return join(this.folder, "exit");
  }

  /** Expiry of the token that cloudflared stored for a project, in milliseconds since the epoch; 0 without one. */
  tokenEnds(project: string): number {
    const file = this.#tokenFile(new URL(this.#chain.url(project)).hostname);
    return existsSync(file) ? expiry(readFileSync(file, "utf8")) : 0;
  }

  /** Starts the program in a terminal. */
  async terminal(
    args: readonly string[],
    env: Readonly<Record<string, string>> = {},
    program = `exec ${process.execPath} ${BIN}`,
  ): Promise<Session> {
    const variables = { ...this.env, OPENCODE_DISABLE_AUTOUPDATE: "1", ...env };
    const run = `sh -c 'echo $$ > ${this.pidFile}; ${[program, ...args].join(" ")}'`;
    // A login shell resets PATH. The trap keeps the shell alive on a Ctrl-C just after the program's exit.
    const line = `trap : INT; export PATH=${this.env.PATH}; ${run}; echo $? > ${this.exitFile}`;
    rmSync(this.exitFile, { force: true });
    return new Session(await openTerminal(line, variables), this.exitFile);
  }

  #tokenFile(hostname: string): string {
    return join(this.folder, `token-${hostname}`);
  }

  /** A cloudflared with two commands: `access token` prints the stored token unless it has expired, `access login` gets one. */
  #installCloudflared(email: string): void {
    const program = join(this.folder, "cloudflared.mjs");
    writeFileSync(
      program,
      `import { existsSync, readFileSync, writeFileSync } from "node:fs";
const [command, url] = process.argv.slice(3).map((word) => word.replace(/^--app=/, ""));
const file = ${JSON.stringify(this.#tokenFile(""))} + new URL(url).hostname;
if (command === "login") {
  const query = new URLSearchParams({ url, email: ${JSON.stringify(email)} });
  const answer = await fetch(${JSON.stringify(`${this.#chain.desk}/?`)} + query);
  if (!answer.ok) process.exit(1);
  writeFileSync(file, await answer.text());
} else if (existsSync(file)) {
  const token = readFileSync(file, "utf8");
  const { exp } = JSON.parse(Buffer.from(token.split(".")[1], "base64url"));
  if (exp * 1000 > Date.now()) process.stdout.write(token + "\\n");
}\n`,
    );
    this.install("cloudflared", `exec ${process.execPath} ${program} "$@"`);
  }
}

export interface EndOfSession {
  readonly code: number;
  readonly screen: string;
}

/** opencode in a terminal. */
export class Session {
  readonly terminal: Terminal;
  readonly #exitFile: string;

  constructor(terminal: Terminal, exitFile: string) {
    this.terminal = terminal;
    this.#exitFile = exitFile;
  }

  drawn(): Promise<string> {
    return this.terminal.waitFor(DRAWN, { within: 120_000 });
  }

  /** Types a prompt, and waits for the model's answer on the screen. */
  async prompt(nonce: string): Promise<void> {
    await this.send(nonce);
    await this.terminal.waitFor(answerTo(`nonce:${nonce}`), { within: 150_000 });
  }

  /** Types a prompt. */
  async send(nonce: string): Promise<void> {
    await this.terminal.type(`Say nonce:${nonce}`);
    await this.terminal.waitFor(nonce);
    await this.terminal.press("Enter");
  }

  /** Presses Ctrl-C until the program ends. */
  leave(): Promise<EndOfSession> {
    return this.#end(() => this.terminal.press("C-c"));
  }

  /** Waits for the program to end. */
  ended(): Promise<EndOfSession> {
    return this.#end(async () => {});
  }

  #end(between: () => Promise<void>): Promise<EndOfSession> {
    const look = async (): Promise<Probe<EndOfSession>> => {
      const screen = await this.terminal.screen();
      const code = existsSync(this.#exitFile) ? readFileSync(this.#exitFile, "utf8").trim() : "";
      if (code !== "") return { done: { code: Number(code), screen } };
      await between();
      return { seen: screen };
    };
    return waitFor("the program to end", look, { within: 120_000, every: 1000 });
  }

  close(): Promise<void> {
    return this.terminal.close();
  }
}
