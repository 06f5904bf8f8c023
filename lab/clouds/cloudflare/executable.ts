/** The stand-in connector as an executable on this machine. */
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { shellQuote } from "../../../config/text/shell.ts";
import { EDGE_VARIABLE } from "./connector/network.ts";

/** Writes `<directory>/cloudflared`, which uses the edge for every name and trusts its authority. */
export function installClient(
  directory: string,
  edge: { address: string; port: number; caFile: string },
): void {
  mkdirSync(directory, { recursive: true });
  const file = join(directory, "cloudflared");
  const main = join(import.meta.dirname, "connector/main.ts");
  const variables = { [EDGE_VARIABLE]: `${edge.address}:${edge.port}`, SSL_CERT_FILE: edge.caFile };
  const exported = Object.entries(variables).map(([name, value]) => `export ${name}=${shellQuote(value)}\n`);
  writeFileSync(
    file,
    `#!/bin/sh\n${exported.join("")}exec ${shellQuote(process.execPath)} ${shellQuote(main)} "$@"\n`,
  );
  chmodSync(file, 0o755);
}
