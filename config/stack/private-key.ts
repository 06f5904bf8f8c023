/** The platform's key for SSH, where a team brings its own. No message quotes any of it. */
import { createPublicKey } from "node:crypto";
import { createRequire } from "node:module";
import type ssh2 from "ssh2";
import { isParseError, type ParseError } from "./reading.ts";

/** A key of SSH, both halves as OpenSSH writes them. */
export interface SshKey {
  readonly privateKey: string;
  readonly publicKey: string;
}

/** Loaded where there is a key: it would take a tenth of the time that a command needs to start. */
const ssh = (): typeof ssh2 => createRequire(import.meta.url)("ssh2") as typeof ssh2;

const SHORTEST_RSA = 2048;

/** Reads a private key in OpenSSH's form or PEM, and derives its public half. */
export function parsePrivateKey(text: string): SshKey | ParseError {
  const lines = text.replaceAll("\r\n", "\n").trim();
  if (/^(ssh-|ecdsa-|sk-)\S+ AAAA/.test(lines) || lines.includes("PUBLIC KEY"))
    return { mistake: "is a public key: use the private key (the file without .pub)" };
  if (lines.startsWith("PuTTY-User-Key-File"))
    return { mistake: "is in PuTTY format: convert it (puttygen key.ppk -O private-openssh -o key)" };
  if (lines.startsWith("-----BEGIN PRIVATE KEY"))
    return {
      mistake:
        "is in PKCS#8 format, which not every OpenSSH supports: convert a copy (ssh-keygen -p -N '' -f <copy>)",
    };
  if (!lines.startsWith("-----BEGIN "))
    return { mistake: "is not a private key: it begins with -----BEGIN OPENSSH PRIVATE KEY-----" };
  const key = parse(lines);
  if (isParseError(key)) return key;
  if (key.type === "ssh-dss")
    return { mistake: "is a DSA key, which servers no longer accept: create one (ssh-keygen -t ed25519)" };
  if (key.type === "ssh-rsa" && bitsOf(key) < SHORTEST_RSA)
    return {
      mistake: `is an RSA key of fewer than ${SHORTEST_RSA} bits: create a new one (ssh-keygen -t ed25519)`,
    };
  return { privateKey: `${lines}\n`, publicKey: `${key.type} ${key.getPublicSSH().toString("base64")}` };
}

function parse(lines: string): ssh2.ParsedKey | ParseError {
  if (/^Proc-Type: .*ENCRYPTED/m.test(lines) || lines.includes("BEGIN ENCRYPTED")) return ENCRYPTED;
  const parsed = ssh().utils.parseKey(lines);
  // A file of several keys is parsed into a list.
  const key = Array.isArray(parsed) ? parsed[0] : parsed;
  if (key instanceof Error) return /encrypted/i.test(key.message) ? ENCRYPTED : BROKEN;
  return key?.isPrivateKey() ? key : BROKEN;
}

const ENCRYPTED: ParseError = {
  mistake:
    "has a passphrase, which cannot be entered here: remove it from a copy (ssh-keygen -p -N '' -f <copy>)",
};
const BROKEN: ParseError = {
  mistake: "is not a valid private key: set it from the file so that no line is lost",
};

const bitsOf = (key: ssh2.ParsedKey): number =>
  createPublicKey(key.getPublicPEM()).asymmetricKeyDetails?.modulusLength ?? 0;
