import { type Call, type Calls, created, done, enforceFirewalls, ok } from "../call.ts";
import { badRequest, notFound } from "../errors.ts";
import { page, tagView } from "../views.ts";
import type { World } from "../world.ts";

interface TagResources {
  resources: { resource_id: string; resource_type: "droplet" | "image" | "volume" | "volume_snapshot" }[];
}

/** Tags; creating an existing one succeeds. */
export const tagCalls: Calls = {
  tags_list: ({ world, url }) =>
    ok(
      page(
        "tags",
        [...world.tags].map((name) => tagView(name, world, url.origin)),
        url,
      ),
    ),

  tags_create({ world, url, body }) {
    const { name } = body as { name?: string };
    if (!name) throw badRequest("name is required");
    world.tags.add(name);
    return created({ tag: tagView(name, world, url.origin) });
  },

  tags_get: (call) => ok({ tag: tagView(tagOf(call), call.world, call.url.origin) }),

  async tags_delete(call) {
    const name = tagOf(call);
    call.world.tags.delete(name);
    for (const tagged of [...taggable(call.world), ...call.world.firewalls.values()])
      tagged.tags = tagged.tags.filter((each) => each !== name);
    await enforceFirewalls(call);
    return done;
  },

  async tags_assign_resources(call) {
    const name = tagOf(call);
    for (const resource of resourcesOf(call))
      if (!resource.tags.includes(name)) resource.tags = [...resource.tags, name];
    await enforceFirewalls(call);
    return done;
  },

  async tags_unassign_resources(call) {
    const name = tagOf(call);
    for (const resource of resourcesOf(call)) resource.tags = resource.tags.filter((each) => each !== name);
    await enforceFirewalls(call);
    return done;
  },
};

function tagOf({ world, param }: Call): string {
  const name = param("tag_id");
  if (!world.tags.has(name)) throw notFound();
  return name;
}

const taggable = (world: World): { tags: string[] }[] => [
  ...world.droplets.values(),
  ...world.volumes.values(),
  ...world.snapshots.values(),
];

const resourcesOf = ({ world, body }: Call): { tags: string[] }[] =>
  (body as TagResources).resources.map(({ resource_id: id, resource_type: type }) => {
    const found = {
      droplet: world.droplets.get(Number(id)),
      volume: world.volumes.get(id),
      volume_snapshot: world.snapshots.get(id),
      image: undefined,
    }[type];
    if (!found) throw notFound(`${type} ${id} not found`);
    return found;
  });
