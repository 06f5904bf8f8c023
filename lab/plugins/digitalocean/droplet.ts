/** digitalocean:index/droplet:Droplet. */
import { bridged, type Live, Unfinished } from "../shared/bridged.ts";
import type { Change } from "../shared/diff.ts";
import { num, record, str, strings } from "../shared/plain.ts";
import type { Context } from "../shared/resource.ts";
import { ApiError, doing, ifFound } from "../shared/rest.ts";
import { type PlainProps, same } from "../shared/values.ts";
import { until } from "../shared/wait.ts";
import { call, finished } from "./client.ts";
import { createRequest, liveDroplet, outputs, schema } from "./dropletSchema.ts";
import { changeTags } from "./tag.ts";
import { move } from "./volumeAttachment.ts";

const HOUR = 3600;
const DELETE_SECONDS = 60;

/** IPv6 can't be disabled again. */
function customize(changes: readonly Change[], state: PlainProps, news: PlainProps): readonly Change[] {
  const lost = state.ipv6 === true && news.ipv6 !== true;
  return changes.map((change) =>
    change.property === "ipv6" && lost ? { ...change, replace: true } : change,
  );
}

async function find(id: string, context: Context): Promise<PlainProps | undefined> {
  const answer = await ifFound("Error retrieving droplet", call(context, "GET", `/v2/droplets/${id}`));
  return answer === undefined ? undefined : (record(answer.droplet) ?? {});
}

function live(id: string, droplet: PlainProps): Live {
  return { id, properties: liveDroplet(droplet) };
}

/** Properties that the API does not return. */
function unsaid(inputs: PlainProps): PlainProps {
  return {
    gracefulShutdown: inputs.gracefulShutdown === true,
    resizeDisk: inputs.resizeDisk !== false,
  };
}

async function create(inputs: PlainProps, context: Context): Promise<Live> {
  const answer = call(context, "POST", "/v2/droplets", createRequest(inputs));
  const droplet = record((await doing("Error creating droplet", answer)).droplet) ?? {};
  const id = String(num(droplet.id));
  try {
    return { id, properties: { ...unsaid(inputs), ...liveDroplet(await untilActive(id, context)) } };
  } catch (error) {
    throw new Unfinished(error instanceof Error ? error.message : String(error), live(id, droplet));
  }
}

function untilActive(id: string, context: Context): Promise<PlainProps> {
  const what = `Error waiting for droplet (${id}) to become ready`;
  const seconds = context.timeoutSeconds ?? HOUR;
  const ready = until<PlainProps>({ seconds, signal: context.signal }, async () => {
    const droplet = await find(id, context);
    // A new droplet may not be visible yet.
    if (droplet === undefined) return { state: "not found" };
    const { status, locked } = droplet;
    if (locked === true) return { state: `${status}, locked` };
    if (status === "active") return { done: droplet };
    if (status !== "new") throw new Error(`unexpected state '${status}', wanted target 'active'`);
    context.status("Waiting for the droplet to be active");
    return { state: String(status) };
  });
  return doing(what, ready);
}

/** Waits for a state of an existing droplet. */
async function untilIt(
  what: string,
  id: string,
  context: Context,
  reached: (droplet: PlainProps) => boolean,
): Promise<void> {
  const seconds = context.timeoutSeconds ?? HOUR;
  const there = until({ seconds, signal: context.signal }, async () => {
    const droplet = await find(id, context);
    if (droplet === undefined) throw new Error(`droplet (${id}) not found during update`);
    return reached(droplet) && droplet.locked !== true ? { done: true } : { state: String(droplet.status) };
  });
  await doing(what, there);
}

async function act(what: string, id: string, body: PlainProps, context: Context): Promise<PlainProps> {
  return doing(what, call(context, "POST", `/v2/droplets/${id}/actions`, body));
}

async function power(id: string, on: boolean, context: Context): Promise<void> {
  const what = `Error powering ${on ? "on" : "off"} droplet (${id})`;
  try {
    await act(what, id, { type: on ? "power_on" : "power_off" }, context);
  } catch (error) {
    if (!(error instanceof ApiError && error.message.includes("Droplet is already powered off"))) throw error;
  }
  await untilIt(what, id, context, ({ status }) => status === (on ? "active" : "off"));
}

async function resize(id: string, news: PlainProps, context: Context): Promise<void> {
  const what = `Error resizing droplet (${id})`;
  await power(id, false, context);
  try {
    const body = { type: "resize", size: str(news.size) ?? "", disk: news.resizeDisk !== false };
    await finished(what, await act(what, id, body, context), context);
  } finally {
    await power(id, true, context);
  }
}

async function update(id: string, news: PlainProps, state: PlainProps, context: Context): Promise<Live> {
  const size = (str(news.size) ?? "").toLowerCase();
  if (size !== state.size) await resize(id, { ...news, size }, context);
  if (!same(news.name, state.name)) {
    const what = `Error renaming droplet (${id})`;
    await act(what, id, { type: "rename", name: str(news.name) ?? "" }, context);
    await untilIt(what, id, context, ({ name }) => name === news.name);
  }
  if ((news.backups === true) !== (state.backups === true)) {
    const type = news.backups === true ? "enable_backups" : "disable_backups";
    const what = `Error ${type === "enable_backups" ? "enabling" : "disabling"} backups on droplet (${id})`;
    await finished(what, await act(what, id, { type }, context), context);
  }
  if (news.ipv6 === true && state.ipv6 !== true) {
    const what = `Error turning on ipv6 for droplet (${id})`;
    await act(what, id, { type: "enable_ipv6" }, context);
    await untilIt(what, id, context, ({ features }) => strings(features).includes("ipv6"));
  }
  await changeTags({ id, type: "droplet" }, state.tags, news.tags, context);
  const droplet = await find(id, context);
  if (droplet === undefined) throw new Error(`droplet (${id}) not found during update`);
  return { id, properties: { ...unsaid(news), ...liveDroplet(droplet) } };
}

async function read(id: string, known: PlainProps, context: Context): Promise<Live | undefined> {
  const droplet = await find(id, context);
  if (droplet === undefined) return undefined;
  const found = live(id, droplet);
  if (Object.keys(known).length > 0) return found;
  // On import: inputs that are otherwise not read back.
  const image = record(droplet.image) ?? {};
  const properties = {
    ...found.properties,
    image: str(image.slug) ?? String(num(image.id)),
    resizeDisk: true,
  };
  return { id, properties };
}

async function remove(id: string, state: PlainProps, context: Context): Promise<void> {
  const seconds = context.timeoutSeconds ?? DELETE_SECONDS;
  const timeout = { seconds, signal: context.signal };
  const unlocked = until<PlainProps | undefined>(timeout, async () => {
    const found = await find(id, context);
    return found?.locked === true ? { state: "locked" } : { done: found };
  });
  const droplet = await doing(`Error waiting for droplet to be unlocked for destroy (${id})`, unlocked);
  if (droplet === undefined) return;
  if (state.gracefulShutdown === true) {
    const what = `Error shutting down the droplet (${id})`;
    await act(what, id, { type: "shutdown" }, context);
    await untilIt(what, id, { ...context, timeoutSeconds: seconds }, ({ status }) => status === "off");
  }
  for (const volumeId of strings(droplet.volume_ids)) await move("detach", volumeId, Number(id), context);
  await ifFound("Error deleting droplet", call(context, "DELETE", `/v2/droplets/${id}`));
  const gone = until(timeout, async () => {
    const found = await find(id, context);
    return found === undefined ? { done: true } : { state: String(found.status) };
  });
  await doing("Error deleting droplet", gone);
}

export const droplet = bridged({
  schema,
  outputs,
  autoNamed: true,
  customize,
  create,
  read,
  update,
  delete: remove,
});
