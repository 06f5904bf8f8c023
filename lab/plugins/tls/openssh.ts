/** Key pairs in OpenSSH's format, from JSON web keys. */
import { createHash, type JsonWebKey, randomBytes } from "node:crypto";

const PADDING_BLOCK = 8;

/** A length-prefixed field, in SSH's format. */
function field(bytes: Uint8Array | string): Buffer {
  const body = Buffer.from(bytes);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(body.length);
  return Buffer.concat([length, body]);
}

/** A positive integer of any size, in SSH's format. */
function mpint(bytes: Buffer): Buffer {
  const start = bytes.findIndex((byte) => byte !== 0);
  const trimmed = start === -1 ? Buffer.alloc(0) : bytes.subarray(start);
  const negative = (trimmed[0] ?? 0) > 0x7f;
  return field(negative ? Buffer.concat([Buffer.from([0]), trimmed]) : trimmed);
}

function part(
  key: JsonWebKey,
  name: "crv" | "d" | "dp" | "dq" | "e" | "n" | "p" | "q" | "qi" | "x" | "y",
): Buffer {
  return Buffer.from(key[name] ?? "", "base64url");
}

function curve(key: JsonWebKey): string {
  return `nistp${(key.crv ?? "").slice(2)}`;
}

/** The public key in SSH's format, with its type. */
export function publicBlob(key: JsonWebKey): { kind: string; blob: Buffer } {
  const make = (kind: string, ...rest: Buffer[]) => ({ kind, blob: Buffer.concat([field(kind), ...rest]) });
  if (key.kty === "OKP") return make("ssh-ed25519", field(part(key, "x")));
  if (key.kty === "RSA") return make("ssh-rsa", mpint(part(key, "e")), mpint(part(key, "n")));
  return make(`ecdsa-sha2-${curve(key)}`, field(curve(key)), field(point(key)));
}

function point(key: JsonWebKey): Buffer {
  return Buffer.concat([Buffer.from([4]), part(key, "x"), part(key, "y")]);
}

function privateFields(key: JsonWebKey): Buffer[] {
  if (key.kty === "OKP") {
    const open = part(key, "x");
    return [field(open), field(Buffer.concat([part(key, "d"), open]))];
  }
  if (key.kty === "RSA")
    return (["n", "e", "d", "qi", "p", "q"] as const).map((name) => mpint(part(key, name)));
  return [field(curve(key)), field(point(key)), mpint(part(key, "d"))];
}

/** The line for authorized_keys. */
export function publicLine(key: JsonWebKey): string {
  const { kind, blob } = publicBlob(key);
  return `${kind} ${blob.toString("base64")}\n`;
}

/** The private key as a file for ssh. */
export function privateFile(key: JsonWebKey): string {
  const { kind, blob } = publicBlob(key);
  const check = randomBytes(4);
  const secret = Buffer.concat([check, check, field(kind), ...privateFields(key), field("")]);
  const missing = (PADDING_BLOCK - (secret.length % PADDING_BLOCK)) % PADDING_BLOCK;
  const padded = Buffer.concat([
    secret,
    Buffer.from(Array.from({ length: missing }, (_, index) => index + 1)),
  ]);
  const count = Buffer.from([0, 0, 0, 1]);
  const body = Buffer.concat([
    Buffer.from("openssh-key-v1\0"),
    field("none"),
    field("none"),
    field(""),
    count,
    field(blob),
    field(padded),
  ]);
  const lines = body.toString("base64").match(/.{1,64}/g) ?? [];
  return `-----BEGIN OPENSSH PRIVATE KEY-----\n${lines.join("\n")}\n-----END OPENSSH PRIVATE KEY-----\n`;
}

/** A public key's fingerprints. */
export function fingerprints(key: JsonWebKey): { md5: string; sha256: string } {
  const { blob } = publicBlob(key);
  const md5 = createHash("md5").update(blob).digest("hex").match(/../g) ?? [];
  const sha256 = createHash("sha256").update(blob).digest("base64").replace(/=+$/, "");
  return { md5: md5.join(":"), sha256: `SHA256:${sha256}` };
}
