/** digitalocean:index/sshKey:SshKey. */
import { bridged, type Live } from "../shared/bridged.ts";
import { num, record, str } from "../shared/plain.ts";
import type { Context } from "../shared/resource.ts";
import { doing, ifFound } from "../shared/rest.ts";
import { replaced, type Schema, text } from "../shared/schema.ts";
import type { PlainProps } from "../shared/values.ts";
import { call } from "./client.ts";

export const schema: Schema = {
  name: text,
  publicKey: { ...replaced(text), required: true, compared: (key) => key.trim() },
};

function liveKey(answer: PlainProps): Live {
  const key = record(answer.ssh_key) ?? {};
  const properties = {
    name: str(key.name) ?? "",
    fingerprint: str(key.fingerprint) ?? "",
    publicKey: str(key.public_key) ?? "",
  };
  return { id: String(num(key.id)), properties };
}

async function read(id: string, _known: PlainProps, context: Context): Promise<Live | undefined> {
  const answer = await ifFound("Error retrieving SSH key", call(context, "GET", `/v2/account/keys/${id}`));
  return answer === undefined ? undefined : liveKey(answer);
}

export const sshKey = bridged({
  schema,
  outputs: ["fingerprint"],
  autoNamed: true,
  create: async ({ name, publicKey }, context) => {
    const body = { name, public_key: publicKey };
    return liveKey(await doing("Error creating SSH Key", call(context, "POST", "/v2/account/keys", body)));
  },
  read,
  update: async (id, { name }, _state, context) => {
    const answer = call(context, "PUT", `/v2/account/keys/${id}`, { name });
    return liveKey(await doing("Failed to update SSH key", answer));
  },
  delete: async (id, _state, context) => {
    await doing("Error deleting SSH key", call(context, "DELETE", `/v2/account/keys/${id}`));
  },
});
