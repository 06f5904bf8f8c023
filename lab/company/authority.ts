/** A company's private certificate authority, and servers with its certificates. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createServer } from "node:tls";
import type { Listening } from "../clouds/http.ts";

export interface Authority {
  /** Its certificate in PEM. */
  readonly ca: string;
  /** A certificate for some hostnames, and its key, in PEM. */
  issue(...names: readonly string[]): { readonly cert: string; readonly key: string };
}

const EC = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];

/** @param days that its certificate is valid for, from now; negative for one that has expired */
export function makeAuthority(name: string, days = 30): Authority {
  const folder = mkdtempSync(join(tmpdir(), "authority-"));
  const at = (file: string) => join(folder, file);
  const openssl = (...args: string[]) => execFileSync("openssl", args, { stdio: ["ignore", "pipe", "pipe"] });
  const read = (file: string) => readFileSync(at(file), "utf8");
  try {
    openssl("req", ...EC, "-keyout", at("ca.key"), "-out", at("ca.csr"), "-subj", `/CN=${name}`);
    writeFileSync(at("ca.ext"), "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\n");
    const own = ["-in", at("ca.csr"), "-signkey", at("ca.key"), "-extfile", at("ca.ext")];
    openssl("x509", "-req", ...own, "-days", String(days), "-out", at("ca.pem"));
    const [ca, caKey] = [read("ca.pem"), read("ca.key")];
    return { ca, issue: (...names) => issue({ ca, caKey }, names) };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function issue({ ca, caKey }: { ca: string; caKey: string }, names: readonly string[]) {
  const folder = mkdtempSync(join(tmpdir(), "authority-"));
  const at = (file: string) => join(folder, file);
  const openssl = (...args: string[]) => execFileSync("openssl", args, { stdio: ["ignore", "pipe", "pipe"] });
  try {
    writeFileSync(at("ca.pem"), ca);
    writeFileSync(at("ca.key"), caKey, { mode: 0o600 });
    openssl("req", ...EC, "-keyout", at("key"), "-out", at("csr"), "-subj", `/CN=${names[0]}`);
    const alternatives = names.map((name) => `DNS:${name}`).join(",");
    writeFileSync(at("ext"), `subjectAltName=${alternatives}\nextendedKeyUsage=serverAuth\n`);
    const signed = ["-in", at("csr"), "-CA", at("ca.pem"), "-CAkey", at("ca.key"), "-CAcreateserial"];
    openssl("x509", "-req", ...signed, "-days", "30", "-extfile", at("ext"), "-out", at("cert"));
    return { cert: readFileSync(at("cert"), "utf8"), key: readFileSync(at("key"), "utf8") };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Puts TLS in front of a port of loopback, on another one. */
export async function startTls(
  certificate: { readonly cert: string; readonly key: string },
  port: number,
): Promise<Listening> {
  const sockets = new Set<{ destroy(): void }>();
  const server = createServer(certificate, (socket) => {
    const near = connect(port, "127.0.0.1");
    for (const [one, other] of [
      [socket, near],
      [near, socket],
    ] as const) {
      sockets.add(one);
      one.on("error", () => other.destroy());
      one.on("close", () => {
        sockets.delete(one);
        other.destroy();
      });
    }
    socket.pipe(near).pipe(socket);
  });
  server.on("tlsClientError", () => {});
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (typeof address !== "object" || address === null) throw new Error("no port");
  return {
    port: address.port,
    close: () =>
      new Promise((resolve) => {
        for (const socket of sockets) socket.destroy();
        server.close(() => resolve());
      }),
  };
}
