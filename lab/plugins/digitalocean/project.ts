/** digitalocean:index/project:Project and projectResources:ProjectResources. */
import { bridged, type Live } from "../shared/bridged.ts";
import { num, record, str, strings } from "../shared/plain.ts";
import type { Context } from "../shared/resource.ts";
import { doing, ifFound, insist } from "../shared/rest.ts";
import { computed, flag, replaced, type Schema, text, textSet } from "../shared/schema.ts";
import type { Plain, PlainProps } from "../shared/values.ts";
import { call, pages } from "./client.ts";

const PURPOSE = "Web Application";

export const schema: Schema = {
  description: text,
  environment: {
    ...text,
    pattern: /^(development|staging|production)$/i,
    compared: (name) => name.toLowerCase(),
  },
  isDefault: flag,
  name: text,
  purpose: { ...text, fallback: PURPOSE },
  resources: computed(textSet),
};

async function assign(projectId: string, urns: readonly string[], context: Context): Promise<void> {
  const resources = urns.filter((urn) => urn !== "");
  await doing(
    "Error assigning resources",
    call(context, "POST", `/v2/projects/${projectId}/resources`, { resources }),
  );
}

/** Moves resources to the default project, as each must be in one. */
async function handBack(urns: readonly string[], context: Context): Promise<void> {
  if (urns.length === 0) return;
  const answer = call(context, "GET", "/v2/projects/default");
  const { project } = await doing("Error locating default project", answer);
  await assign(str(record(project)?.id) ?? "", urns, context);
}

/** Moves removed resources out and new ones in. */
async function reassign(
  projectId: string,
  before: Plain | undefined,
  after: Plain | undefined,
  context: Context,
): Promise<void> {
  const [old, wanted] = [strings(before), strings(after)];
  const fresh = wanted.filter((urn) => !old.includes(urn));
  await handBack(
    old.filter((urn) => !wanted.includes(urn)),
    context,
  );
  if (fresh.length > 0) await assign(projectId, fresh, context);
}

async function find(id: string, context: Context): Promise<PlainProps | undefined> {
  const answer = await ifFound("Error reading Project", call(context, "GET", `/v2/projects/${id}`));
  return answer === undefined ? undefined : (record(answer.project) ?? {});
}

async function urnsOf(id: string, context: Context): Promise<string[]> {
  const list = pages(context, `/v2/projects/${id}/resources`, "resources");
  return (await doing("Error loading project resources", list)).flatMap(({ urn }) => str(urn) ?? []);
}

async function read(id: string, _known: PlainProps, context: Context): Promise<Live | undefined> {
  const project = await find(id, context);
  if (project === undefined) return undefined;
  const properties: PlainProps = {
    name: str(project.name) ?? "",
    purpose: (str(project.purpose) ?? "").replace(/^Other: /, ""),
    description: str(project.description) ?? "",
    environment: str(project.environment) ?? "",
    isDefault: project.is_default === true,
    ownerUuid: str(project.owner_uuid) ?? "",
    ownerId: num(project.owner_id) ?? 0,
    createdAt: str(project.created_at) ?? "",
    updatedAt: str(project.updated_at) ?? "",
    resources: await urnsOf(id, context),
  };
  return { id, properties };
}

async function mustRead(id: string, context: Context): Promise<Live> {
  const live = await read(id, {}, context);
  if (live === undefined) throw new Error(`project ${id} no longer exists`);
  return live;
}

function fields(inputs: PlainProps): PlainProps {
  return {
    name: str(inputs.name) ?? "",
    description: str(inputs.description) ?? "",
    purpose: str(inputs.purpose) ?? PURPOSE,
    environment: str(inputs.environment) ?? "",
  };
}

async function create(inputs: PlainProps, context: Context): Promise<Live> {
  const what = "Error creating Project";
  const { project } = await doing(what, call(context, "POST", "/v2/projects", fields(inputs)));
  const id = str(record(project)?.id) ?? "";
  const urns = strings(inputs.resources);
  try {
    if (urns.length > 0) await assign(id, urns, context);
  } catch (error) {
    await call(context, "DELETE", `/v2/projects/${id}`).catch(() => {});
    throw new Error(`${what}: ${error instanceof Error ? error.message : String(error)}`);
  }
  if (inputs.isDefault === true) {
    const body = { ...fields(inputs), is_default: true };
    await doing("Error setting project as default", call(context, "PATCH", `/v2/projects/${id}`, body));
  }
  return mustRead(id, context);
}

async function update(id: string, news: PlainProps, state: PlainProps, context: Context): Promise<Live> {
  const body = { ...fields(news), is_default: news.isDefault === true };
  await doing("Error updating Project", call(context, "PATCH", `/v2/projects/${id}`, body));
  if (news.resources !== undefined) await reassign(id, state.resources, news.resources, context);
  return mustRead(id, context);
}

const DELETE_SECONDS = 180;

/** Moving resources takes a while, and only an empty project can be deleted. */
async function remove(id: string, state: PlainProps, context: Context): Promise<void> {
  await handBack(strings(state.resources), context);
  const timeout = { seconds: context.timeoutSeconds ?? DELETE_SECONDS, signal: context.signal };
  const path = `/v2/projects/${id}`;
  await insist(
    `Error deleting project (${id})`,
    timeout,
    ({ status }) => status === 412,
    () => call(context, "DELETE", path),
  );
}

export const project = bridged({
  schema,
  outputs: ["createdAt", "ownerId", "ownerUuid", "resources", "updatedAt"],
  autoNamed: true,
  create,
  read,
  update,
  delete: remove,
});

export const resourcesSchema: Schema = {
  project: { ...replaced(text), required: true },
  resources: { ...textSet, required: true },
};

export const projectResources = bridged({
  schema: resourcesSchema,
  outputs: [],
  create: async (inputs, context) => {
    const id = str(inputs.project) ?? "";
    await reassign(id, [], inputs.resources, context);
    return { id, properties: {} };
  },
  read: async (id, known, context) => {
    if ((await find(id, context)) === undefined) return undefined;
    const there = await urnsOf(id, context);
    return {
      id,
      properties: { project: id, resources: strings(known.resources).filter((urn) => there.includes(urn)) },
    };
  },
  update: async (id, news, state, context) => {
    await reassign(id, state.resources, news.resources, context);
    return { id, properties: {} };
  },
  delete: async (id, state, context) => {
    if ((await find(id, context)) !== undefined) await handBack(strings(state.resources), context);
  },
});
