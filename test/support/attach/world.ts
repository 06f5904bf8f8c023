/** A colleague's machine: a folder of programs for PATH, a home, and a Node that resolves names to the edge. */
import { execFile } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { Example } from "../../../lab/clouds/cloudflare/example/index.ts";

export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export class Machine {
  readonly folder = mkdtempSync(join(tmpdir(), "attach-"));
  readonly bin = join(this.folder, "bin");
  readonly #edge: Record<string, string>;

  constructor({ cloudflare }: Example) {
    mkdirSync(this.bin);
    const preload = join(this.folder, "names.mjs");
    const { address } = cloudflare.edge;
    writeFileSync(
      preload,
      `import dns from "node:dns"; import { syncBuiltinESMExports } from "node:module";
const real = dns.lookup;
dns.lookup = (name, options, done) => name.endsWith(".example.com")
  ? done(null, options.all ? [{ address: "${address}", family: 4 }] : "${address}", 4) : real(name, options, done);
syncBuiltinESMExports();\n`,
    );
    this.#edge = { NODE_EXTRA_CA_CERTS: cloudflare.caFile, NODE_OPTIONS: `--import=${preload}` };
  }

  /** Installs an sh script in PATH. */
  install(name: string, script: string): void {
    writeFileSync(join(this.bin, name), `#!/bin/sh\n${script}\n`);
    chmodSync(join(this.bin, name), 0o755);
  }

  get env(): Record<string, string> {
    const path = [this.bin, dirname(process.execPath), "/usr/bin", "/bin"].join(":");
    const { NODE_COMPILE_CACHE: cache } = process.env;
    return { ...this.#edge, PATH: path, HOME: this.folder, ...(cache ? { NODE_COMPILE_CACHE: cache } : {}) };
  }

  /** Runs a program to its end. */
  run(
    command: string,
    args: readonly string[],
    env: Record<string, string | undefined> = {},
  ): Promise<Ended> {
    const options = { env: { ...this.env, ...env }, cwd: this.folder, timeout: 50_000 };
    return new Promise((resolve) => {
      execFile(command, args, options, (error, stdout, stderr) =>
        resolve({ code: error ? Number(error.code ?? -1) : 0, stdout, stderr }),
      );
    });
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
