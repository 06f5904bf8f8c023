/** random:index/randomId:RandomId. */
import { randomBytes } from "node:crypto";
import { bridged } from "../shared/bridged.ts";
import { integer, replaced, type Schema, text, textMap } from "../shared/schema.ts";

export const schema: Schema = {
  byteLength: { ...replaced(integer), required: true },
  keepers: replaced(textMap),
  prefix: replaced(text),
};

/** The official plugin's forms of the bytes. */
export function formsOf(bytes: Buffer, prefix = ""): Record<string, string> {
  return {
    b64Std: prefix + bytes.toString("base64"),
    b64Url: prefix + bytes.toString("base64url"),
    dec: prefix + BigInt(`0x${bytes.toString("hex")}`).toString(),
    hex: prefix + bytes.toString("hex"),
  };
}

export const id = bridged({
  schema,
  outputs: ["b64Std", "b64Url", "dec", "hex"],
  validate: ({ byteLength }) =>
    typeof byteLength === "number" && byteLength < 1
      ? [{ property: "byteLength", reason: "must be at least 1" }]
      : [],
  create: async (inputs) => {
    const bytes = randomBytes(Number(inputs.byteLength));
    const prefix = typeof inputs.prefix === "string" ? inputs.prefix : "";
    return { id: bytes.toString("base64url"), properties: { ...inputs, ...formsOf(bytes, prefix) } };
  },
  read: async (id, known) => {
    if (known.hex !== undefined) return { id, properties: known };
    // On import, the id contains the bytes.
    const bytes = Buffer.from(id, "base64url");
    return { id, properties: { byteLength: bytes.length, ...formsOf(bytes) } };
  },
  delete: async () => {},
});
