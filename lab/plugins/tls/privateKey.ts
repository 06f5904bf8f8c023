/** tls:index/privateKey:PrivateKey. */
import { createHash, generateKeyPair, type KeyObject } from "node:crypto";
import { promisify } from "node:util";
import { bridged } from "../shared/bridged.ts";
import { integer, replaced, type Schema, text } from "../shared/schema.ts";
import type { PlainProps } from "../shared/values.ts";
import { fingerprints, privateFile, publicLine } from "./openssh.ts";

export const schema: Schema = {
  algorithm: { ...replaced(text), required: true, pattern: /^(RSA|ECDSA|ED25519)$/ },
  // The official plugin also creates P224 keys, which OpenSSH doesn't know.
  ecdsaCurve: { ...replaced(text), computed: true, pattern: /^P(256|384|521)$/ },
  rsaBits: { ...replaced(integer), computed: true },
};

const DEFAULT_RSA_BITS = 2048;
const generate = promisify(generateKeyPair) as unknown as (
  type: string,
  options: { modulusLength?: number; namedCurve?: string },
) => Promise<{ privateKey: KeyObject; publicKey: KeyObject }>;

/** Creates a key pair. */
export function makePair(inputs: PlainProps): Promise<{ privateKey: KeyObject; publicKey: KeyObject }> {
  if (inputs.algorithm === "ED25519") return generate("ed25519", {});
  if (inputs.algorithm === "RSA") {
    const modulusLength = typeof inputs.rsaBits === "number" ? inputs.rsaBits : DEFAULT_RSA_BITS;
    return generate("rsa", { modulusLength });
  }
  const curve = typeof inputs.ecdsaCurve === "string" ? inputs.ecdsaCurve : "P256";
  return generate("ec", { namedCurve: `P-${curve.slice(1)}` });
}

function pem(key: KeyObject, type: "pkcs1" | "pkcs8" | "sec1" | "spki"): string {
  return key.export({ type, format: "pem" } as { type: "pkcs8"; format: "pem" }).toString();
}

/** The official plugin's forms of the pair. */
export function formsOf(inputs: PlainProps, privateKey: KeyObject, publicKey: KeyObject): PlainProps {
  const jwk = privateKey.export({ format: "jwk" });
  const { md5, sha256 } = fingerprints(jwk);
  const own = { ED25519: "pkcs8", RSA: "pkcs1", ECDSA: "sec1" } as const;
  const kind = inputs.algorithm === "RSA" || inputs.algorithm === "ECDSA" ? inputs.algorithm : "ED25519";
  return {
    ecdsaCurve: "P224",
    rsaBits: DEFAULT_RSA_BITS,
    ...inputs,
    privateKeyOpenssh: privateFile(jwk),
    privateKeyPem: pem(privateKey, own[kind]),
    privateKeyPemPkcs8: pem(privateKey, "pkcs8"),
    publicKeyFingerprintMd5: md5,
    publicKeyFingerprintSha256: sha256,
    publicKeyOpenssh: publicLine(jwk),
    publicKeyPem: pem(publicKey, "spki"),
  };
}

const secretOutputs = ["privateKeyOpenssh", "privateKeyPem", "privateKeyPemPkcs8"];

export const privateKey = bridged({
  schema,
  outputs: [
    ...secretOutputs,
    "publicKeyFingerprintMd5",
    "publicKeyFingerprintSha256",
    "publicKeyOpenssh",
    "publicKeyPem",
  ],
  secretOutputs,
  create: async (inputs) => {
    const pair = await makePair(inputs);
    const properties = formsOf(inputs, pair.privateKey, pair.publicKey);
    const id = createHash("sha1").update(String(properties.publicKeyPem)).digest("hex");
    return { id, properties };
  },
  read: async (id, known) => ({ id, properties: known }),
  delete: async () => {},
});
