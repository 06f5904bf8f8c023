/** digitalocean:index/vpc:Vpc. */
import { bridged, type Live } from "../shared/bridged.ts";
import { compact, record, str } from "../shared/plain.ts";
import type { Context } from "../shared/resource.ts";
import { type ApiError, doing, ifFound, insist } from "../shared/rest.ts";
import { computed, replaced, type Schema, text } from "../shared/schema.ts";
import type { PlainProps } from "../shared/values.ts";
import { call } from "./client.ts";

export const schema: Schema = {
  description: text,
  ipRange: computed(replaced(text)),
  name: text,
  region: { ...replaced(text), required: true },
};

/** A time in Go's format, which the official plugin stores. */
function goTime(iso: string): string {
  return `${iso.replace("T", " ").replace(/Z$/, "")} +0000 UTC`;
}

function liveVpc(answer: PlainProps): Live {
  const vpc = record(answer.vpc) ?? {};
  const properties = {
    name: str(vpc.name) ?? "",
    region: str(vpc.region) ?? "",
    description: str(vpc.description) ?? "",
    ipRange: str(vpc.ip_range) ?? "",
    vpcUrn: str(vpc.urn) ?? "",
    default: vpc.default === true,
    createdAt: goTime(str(vpc.created_at) ?? ""),
  };
  return { id: str(vpc.id) ?? "", properties };
}

async function read(id: string, _known: PlainProps, context: Context): Promise<Live | undefined> {
  const answer = await ifFound("Error reading VPC", call(context, "GET", `/v2/vpcs/${id}`));
  return answer === undefined ? undefined : liveVpc(answer);
}

async function update(id: string, news: PlainProps, state: PlainProps, context: Context): Promise<Live> {
  const body = compact({
    name: str(news.name),
    description: str(news.description),
    default: state.default === true,
  });
  return liveVpc(await doing("Error updating VPC", call(context, "PUT", `/v2/vpcs/${id}`, body)));
}

const DELETE_SECONDS = 120;

/** Droplets that are being destroyed remain members for a moment. */
async function remove(id: string, _state: PlainProps, context: Context): Promise<void> {
  const timeout = { seconds: context.timeoutSeconds ?? DELETE_SECONDS, signal: context.signal };
  const busy = ({ status }: ApiError): boolean => status === 403 || status === 409;
  await insist("Error deleting VPC", timeout, busy, () => call(context, "DELETE", `/v2/vpcs/${id}`));
}

export const vpc = bridged({
  schema,
  outputs: ["createdAt", "default", "ipRange", "vpcUrn"],
  autoNamed: true,
  create: async (inputs, context) => {
    const body = compact({
      name: str(inputs.name),
      region: str(inputs.region),
      description: str(inputs.description),
      ip_range: str(inputs.ipRange),
    });
    return liveVpc(await doing("Error creating VPC", call(context, "POST", "/v2/vpcs", body)));
  },
  read,
  update,
  delete: remove,
});
