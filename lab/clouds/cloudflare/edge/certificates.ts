/**
 * Certificates of the edge, created at each start: an authority, the edge's certificate, and Access's signing
 * key.
 */
import { execFileSync } from "node:child_process";
import { createHash, createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface SigningKey {
  readonly kid: string;
  readonly privateKey: KeyObject;
  /** PEM */
  readonly certificate: string;
}

export interface Certificates {
  /** PEM of the authority. */
  readonly caFile: string;
  readonly ca: string;
  readonly key: string;
  readonly certificate: string;
  /**
   * base64 of the digest of the edge's public key, for Chromium's `--ignore-certificate-errors-spki-list`.
   */
  readonly spki: string;
  readonly signing: SigningKey;
  remove(): void;
}

const openssl = (...args: string[]) => execFileSync("openssl", args, { stdio: ["ignore", "pipe", "pipe"] });

const EC = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];

/** A key for signing tokens, in a self-signed certificate, as Access publishes its keys. */
export function makeSigningKey(name: string): SigningKey {
  const directory = mkdtempSync(join(tmpdir(), "cloudflare-key-"));
  const [key, certificate] = [join(directory, "key"), join(directory, "certificate")];
  try {
    const rsa = ["-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", certificate];
    openssl("req", "-x509", ...rsa, "-days", "30", "-subj", `/CN=${name}`);
    const pem = readFileSync(certificate, "utf8");
    const kid = createHash("sha256").update(new X509Certificate(pem).raw).digest("hex");
    return { kid, privateKey: createPrivateKey(readFileSync(key)), certificate: pem };
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** @param names of the edge's certificate, with or without `*.` */
export function makeCertificates(names: readonly string[], team: string): Certificates {
  const directory = mkdtempSync(join(tmpdir(), "cloudflare-"));
  const at = (name: string) => join(directory, name);
  const authority = [...EC, "-keyout", at("ca.key"), "-out", at("ca.pem"), "-days", "30"];
  openssl("req", "-x509", ...authority, "-subj", "/CN=Test authority of the stand-in for Cloudflare");
  openssl("req", ...EC, "-keyout", at("edge.key"), "-out", at("edge.csr"), "-subj", `/CN=${names[0]}`);
  writeFileSync(
    at("extensions"),
    `subjectAltName=${names.map((name) => `DNS:${name}`).join(",")}\nextendedKeyUsage=serverAuth\n`,
  );
  const signed = ["-in", at("edge.csr"), "-CA", at("ca.pem"), "-CAkey", at("ca.key"), "-CAcreateserial"];
  openssl("x509", "-req", ...signed, "-days", "30", "-extfile", at("extensions"), "-out", at("edge.pem"));
  const certificate = readFileSync(at("edge.pem"), "utf8");
  const publicKey = new X509Certificate(certificate).publicKey.export({ type: "spki", format: "der" });
  return {
    caFile: at("ca.pem"),
    ca: readFileSync(at("ca.pem"), "utf8"),
    key: readFileSync(at("edge.key"), "utf8"),
    certificate,
    spki: createHash("sha256").update(publicKey).digest("base64"),
    signing: makeSigningKey(team),
    remove: () => rmSync(directory, { recursive: true, force: true }),
  };
}
