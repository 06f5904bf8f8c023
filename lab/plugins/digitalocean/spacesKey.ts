/** digitalocean:index/spacesKey:SpacesKey. */
import { bridged, type Live } from "../shared/bridged.ts";
import { record, records, str } from "../shared/plain.ts";
import type { Context } from "../shared/resource.ts";
import { doing, ifFound } from "../shared/rest.ts";
import { type Schema, text } from "../shared/schema.ts";
import type { PlainProps } from "../shared/values.ts";
import { call } from "./client.ts";

export const schema: Schema = {
  name: text,
  grants: {
    type: "list",
    items: {
      type: "object",
      fields: {
        bucket: { ...text, required: true },
        permission: { ...text, required: true, pattern: /^(read|readwrite|fullaccess)$/ },
      },
    },
  },
};

const body = ({ name, grants }: PlainProps): PlainProps => ({
  name: str(name) ?? "",
  grants: records(grants),
});

/** The secret is in the answer to its creation alone, and kept from there. */
function liveKey(answer: PlainProps, known: PlainProps): Live {
  const key = record(answer.key) ?? {};
  const id = str(key.access_key) ?? "";
  const properties = {
    name: str(key.name) ?? "",
    grants: records(key.grants),
    accessKey: id,
    createdAt: str(key.created_at) ?? "",
    secretKey: str(key.secret_key) ?? str(known.secretKey) ?? "",
  };
  return { id, properties };
}

async function read(id: string, known: PlainProps, context: Context): Promise<Live | undefined> {
  const answer = await ifFound("Error retrieving Spaces key", call(context, "GET", `/v2/spaces/keys/${id}`));
  return answer === undefined ? undefined : liveKey(answer, known);
}

export const spacesKey = bridged({
  schema,
  outputs: ["accessKey", "createdAt", "secretKey"],
  secretOutputs: ["secretKey"],
  autoNamed: true,
  create: async (inputs, context) =>
    liveKey(
      await doing("Error creating Spaces key", call(context, "POST", "/v2/spaces/keys", body(inputs))),
      {},
    ),
  read,
  update: async (id, news, state, context) => {
    const answer = call(context, "PUT", `/v2/spaces/keys/${id}`, body(news));
    return liveKey(await doing("Error updating Spaces key", answer), state);
  },
  delete: async (id, _state, context) => {
    await doing("Error deleting Spaces key", call(context, "DELETE", `/v2/spaces/keys/${id}`));
  },
});
