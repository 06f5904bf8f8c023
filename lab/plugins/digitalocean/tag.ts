/** digitalocean:index/tag:Tag, and the tags of other resources. */
import { bridged, type Live } from "../shared/bridged.ts";
import { num, record, str, strings } from "../shared/plain.ts";
import type { Context } from "../shared/resource.ts";
import { doing, ifFound } from "../shared/rest.ts";
import { type Property, replaced, type Schema } from "../shared/schema.ts";
import type { Plain, PlainProps } from "../shared/values.ts";
import { call } from "./client.ts";

const tagText: Property = { type: "string", pattern: /^[a-zA-Z0-9:\-_]{1,255}$/ };

/** The property `tags` of taggable resources. */
export const tags: Property = { type: "list", unordered: true, items: tagText };

export const schema: Schema = { name: replaced(tagText) };

const COUNTS = {
  databasesCount: "databases",
  dropletsCount: "droplets",
  imagesCount: "images",
  volumeSnapshotsCount: "volume_snapshots",
  volumesCount: "volumes",
} as const;

function path(name: string): string {
  return `/v2/tags/${encodeURIComponent(name)}`;
}

async function read(id: string, _known: PlainProps, context: Context): Promise<Live | undefined> {
  const answer = await ifFound("Error retrieving tag", call(context, "GET", path(id)));
  if (answer === undefined) return undefined;
  const tag = record(answer.tag) ?? {};
  const resources = record(tag.resources) ?? {};
  const counts = Object.entries(COUNTS).map(([name, kind]) => [
    name,
    num(record(resources[kind])?.count) ?? 0,
  ]);
  const total = num(resources.count) ?? 0;
  return {
    id,
    properties: {
      ...Object.fromEntries(counts),
      name: str(tag.name) ?? id,
      totalResourceCount: total,
    },
  };
}

async function create(inputs: PlainProps, context: Context): Promise<Live> {
  const name = str(inputs.name) ?? "";
  const { tag } = await doing("Error creating tag", call(context, "POST", "/v2/tags", { name }));
  const id = str(record(tag)?.name) ?? name;
  const live = await read(id, {}, context);
  if (live === undefined) throw new Error(`tag "${id}" disappeared just after it was created`);
  return live;
}

export const tag = bridged({
  schema,
  outputs: [...Object.keys(COUNTS), "totalResourceCount"],
  autoNamed: true,
  create,
  read,
  delete: async (id, _state, context) => {
    await doing("Error deleting tag", call(context, "DELETE", path(id)));
  },
});

/** A tagged resource. */
interface Tagged {
  readonly id: string;
  readonly type: "droplet" | "volume";
}

/** Removes old tags and adds new ones. */
export async function changeTags(
  tagged: Tagged,
  before: Plain | undefined,
  after: Plain | undefined,
  context: Context,
): Promise<void> {
  const [old, wanted] = [strings(before), strings(after)];
  const body = { resources: [{ resource_id: tagged.id, resource_type: tagged.type }] };
  for (const name of old.filter((item) => !wanted.includes(item))) {
    await doing("Error updating tags", call(context, "DELETE", `${path(name)}/resources`, body));
  }
  for (const name of wanted.filter((item) => !old.includes(item))) {
    await doing("Error updating tags", call(context, "POST", "/v2/tags", { name }));
    await doing("Error updating tags", call(context, "POST", `${path(name)}/resources`, body));
  }
}
