/** digitalocean:index/volume:Volume. */
import { bridged, type Live } from "../shared/bridged.ts";
import type { Change } from "../shared/diff.ts";
import { num, record, str, strings } from "../shared/plain.ts";
import type { Context } from "../shared/resource.ts";
import { doing, ifFound } from "../shared/rest.ts";
import { computed, integer, type Property, replaced, type Schema, text } from "../shared/schema.ts";
import { type PlainProps, same } from "../shared/values.ts";
import { call, finished } from "./client.ts";
import { changeTags, tags } from "./tag.ts";

const filesystem: Property = { type: "string", pattern: /^(ext4|xfs)$/ };

export const schema: Schema = {
  description: replaced(text),
  filesystemType: computed(filesystem),
  initialFilesystemLabel: replaced(text),
  initialFilesystemType: replaced(filesystem),
  name: replaced(text),
  region: { ...replaced(text), required: true, kept: (region) => region.toLowerCase() },
  size: { ...integer, required: true },
  snapshotId: replaced(text),
  tags,
};

/** A volume can only grow. */
function customize(changes: readonly Change[], state: PlainProps, news: PlainProps): readonly Change[] {
  const [before, after] = [num(state.size), num(news.size)];
  if (before !== undefined && after !== undefined && after < before) {
    throw new Error("volumes `size` can only be expanded and not shrunk");
  }
  return changes;
}

/** The request; the official plugin sends empty strings for unset values. */
export function request(inputs: PlainProps): PlainProps {
  return {
    region: (str(inputs.region) ?? "").toLowerCase(),
    name: str(inputs.name) ?? "",
    description: str(inputs.description) ?? "",
    size_gigabytes: num(inputs.size) ?? 0,
    snapshot_id: str(inputs.snapshotId) ?? "",
    filesystem_type: str(inputs.initialFilesystemType) ?? str(inputs.filesystemType) ?? "",
    filesystem_label: str(inputs.initialFilesystemLabel) ?? "",
    tags: strings(inputs.tags),
  };
}

function liveVolume(answer: PlainProps): Live {
  const volume = record(answer.volume) ?? {};
  const id = str(volume.id) ?? "";
  const described = str(volume.description);
  const properties: PlainProps = {
    name: str(volume.name) ?? "",
    region: str(record(volume.region)?.slug) ?? "",
    size: num(volume.size_gigabytes) ?? 0,
    volumeUrn: `do:volume:${id}`,
    tags: strings(volume.tags),
    filesystemType: str(volume.filesystem_type) ?? "",
    filesystemLabel: str(volume.filesystem_label) ?? "",
    dropletIds: Array.isArray(volume.droplet_ids) ? volume.droplet_ids : [],
    ...(described === undefined ? {} : { description: described }),
  };
  return { id, properties };
}

async function read(id: string, _known: PlainProps, context: Context): Promise<Live | undefined> {
  const answer = await ifFound("Error retrieving volume", call(context, "GET", `/v2/volumes/${id}`));
  return answer === undefined ? undefined : liveVolume(answer);
}

async function update(id: string, news: PlainProps, state: PlainProps, context: Context): Promise<Live> {
  if (!same(news.size, state.size)) {
    const region = (str(news.region) ?? "").toLowerCase();
    const body = { type: "resize", size_gigabytes: num(news.size), region };
    const action = call(context, "POST", `/v2/volumes/${id}/actions`, body);
    await finished(
      `Error waiting for resize volume (${id}) to finish`,
      await doing(`Error resizing volume (${id})`, action),
      context,
    );
  }
  await changeTags({ id, type: "volume" }, state.tags, news.tags, context);
  const live = await read(id, {}, context);
  if (live === undefined) throw new Error(`volume ${id} no longer exists`);
  return live;
}

export const volume = bridged({
  schema,
  outputs: ["dropletIds", "filesystemLabel", "filesystemType", "volumeUrn"],
  autoNamed: true,
  autoName: (name) => name.toLowerCase().slice(0, 64),
  customize,
  create: async (inputs, context) =>
    liveVolume(await doing("Error creating Volume", call(context, "POST", "/v2/volumes", request(inputs)))),
  read,
  update,
  delete: async (id, _state, context) => {
    await doing("Error deleting volume", call(context, "DELETE", `/v2/volumes/${id}`));
  },
});
