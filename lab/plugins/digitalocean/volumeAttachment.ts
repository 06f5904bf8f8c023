/** digitalocean:index/volumeAttachment:VolumeAttachment. */
import { randomBytes } from "node:crypto";
import { bridged, type Live } from "../shared/bridged.ts";
import { num, record, str } from "../shared/plain.ts";
import type { Context } from "../shared/resource.ts";
import { type ApiError, ifFound, insist } from "../shared/rest.ts";
import { integer, replaced, type Schema, text } from "../shared/schema.ts";
import type { PlainProps } from "../shared/values.ts";
import { call, finished } from "./client.ts";

export const schema: Schema = {
  dropletId: { ...replaced(integer), required: true },
  volumeId: { ...replaced(text), required: true },
};

const PENDING_SECONDS = 300;

/** Attaches or detaches; retries while the droplet is busy. */
export async function move(
  type: "attach" | "detach",
  volumeId: string,
  dropletId: number,
  context: Context,
): Promise<void> {
  const toward = type === "attach" ? "to" : "from";
  const what = `Error ${type}ing volume (${volumeId}) ${toward} Droplet (${dropletId})`;
  const body = { type, droplet_id: dropletId };
  const busy = ({ status, message }: ApiError): boolean =>
    status === 422 && /already has a pending event/i.test(message);
  const timeout = { seconds: PENDING_SECONDS, signal: context.signal };
  const ask = (): Promise<PlainProps> => call(context, "POST", `/v2/volumes/${volumeId}/actions`, body);
  const answer = await insist(what, timeout, busy, ask);
  await finished(what, answer, context);
}

/** The volume's droplet; undefined if the volume does not exist. */
async function holder(
  volumeId: string,
  context: Context,
): Promise<{ dropletId: number | undefined } | undefined> {
  const answer = await ifFound("Error retrieving volume", call(context, "GET", `/v2/volumes/${volumeId}`));
  if (answer === undefined) return undefined;
  const droplets = record(answer.volume)?.droplet_ids;
  return { dropletId: Array.isArray(droplets) ? num(droplets[0]) : undefined };
}

async function create(inputs: PlainProps, context: Context): Promise<Live> {
  const [dropletId, volumeId] = [num(inputs.dropletId) ?? 0, str(inputs.volumeId) ?? ""];
  const held = await holder(volumeId, context);
  if (held === undefined) throw new Error(`Error retrieving volume: volume ${volumeId} not found`);
  if (held.dropletId !== dropletId) await move("attach", volumeId, dropletId, context);
  const unique = `${new Date().toISOString().replace(/\D/g, "")}${randomBytes(4).toString("hex")}`;
  return { id: `${dropletId}-${volumeId}-${unique}`, properties: {} };
}

async function read(id: string, known: PlainProps, context: Context): Promise<Live | undefined> {
  const held = await holder(str(known.volumeId) ?? "", context);
  return held !== undefined && held.dropletId === known.dropletId ? { id, properties: {} } : undefined;
}

export const volumeAttachment = bridged({
  schema,
  outputs: [],
  create,
  read,
  delete: (_id, state, context) =>
    move("detach", str(state.volumeId) ?? "", num(state.dropletId) ?? 0, context),
});
