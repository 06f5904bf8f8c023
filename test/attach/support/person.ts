import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expiry } from "../../../attach/src/credentials.ts";
import { opencodeBinary } from "../../e2e/support/opencode.ts";
import { openTerminal, type Terminal } from "../../e2e/support/terminal.ts";
import { waitFor } from "../../e2e/support/wait.ts";
import { answerTo } from "../../standins/model.ts";
import { Machine } from "../../unit/attach-world.ts";
import type { Chain } from "./chain.ts";

/** The program as a checkout starts it. */
export const BIN = join(import.meta.dirname, "..", "..", "..", "attach", "bin.mjs");

/** A colleague's machine with cloudflared and opencode, and who sits there. */
export class Person extends Machine {
  readonly #chain: Chain;

  /** @param email who logs in when cloudflared asks; undefined for a machine without cloudflared */
  constructor(chain: Chain, email?: string) {
    super(chain.example);
    this.#chain = chain;
    if (email) this.#installCloudflared(email);
  }

  /** Puts the release of opencode that the projects run in PATH. */
  async installOpencode(): Promise<void> {
    await opencodeBinary(this.#chain.platform.container("alpha"), this.bin);
  }

  /** When the token ends that cloudflared keeps for a project, in milliseconds; 0 without one. */
  tokenEnds(project: string): number {
    const file = this.#tokenFile(new URL(this.#chain.url(project)).hostname);
    return existsSync(file) ? expiry(readFileSync(file, "utf8")) : 0;
  }

  /** Starts the program in a terminal; the screen ends with `EXIT <code>`. */
  async terminal(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Session> {
    const command = [process.execPath, BIN, ...args].join(" ");
    const variables = { ...this.env, OPENCODE_DISABLE_AUTOUPDATE: "1", ...env };
    // The shell sets PATH anew, and has to outlive a Ctrl-C that comes when the program has just ended.
    const line = `trap : INT; export PATH=${this.env.PATH}; ${command}; echo EXIT $?`;
    return new Session(await openTerminal(line, variables));
  }

  #tokenFile(hostname: string): string {
    return join(this.folder, `token-${hostname}`);
  }

  /** cloudflared as far as the program uses it: `access token` prints the token that is kept unless it has expired, `access login` gets one. */
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

/** opencode in a terminal. */
export class Session {
  readonly terminal: Terminal;

  constructor(terminal: Terminal) {
    this.terminal = terminal;
  }

  drawn(): Promise<string> {
    return this.terminal.waitFor("Ask anything", { within: 120_000 });
  }

  /** Types a prompt, and waits for the model's answer to it on the screen. */
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

  /** Presses Ctrl-C as often as opencode wants; what the screen shows at the end. */
  async leave(): Promise<string> {
    return await waitFor<string>(
      "the program to end",
      async () => {
        const screen = await this.terminal.screen();
        if (/EXIT \d+/.test(screen)) return { done: screen };
        await this.terminal.press("C-c");
        return { seen: screen };
      },
      { every: 1000 },
    );
  }

  /** Waits for the program to end by itself; its screen. */
  ended(): Promise<string> {
    return this.terminal.waitFor(/EXIT \d+/, { within: 120_000 });
  }

  close(): Promise<void> {
    return this.terminal.close();
  }
}
