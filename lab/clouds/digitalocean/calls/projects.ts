import { randomUUID } from "node:crypto";
import { type Call, type Calls, created, done, ok } from "../call.ts";
import { conflict, preconditionFailed } from "../errors.ts";
import { page, projectView } from "../views.ts";
import { must, now, type Project, type World } from "../world.ts";

interface ProjectBody {
  name?: string | null;
  description?: string | null;
  purpose?: string | null;
  environment?: string | null;
  is_default?: boolean | null;
}

/** Purposes in the control panel; the API marks all others. */
const PURPOSES = [
  "Just trying out DigitalOcean",
  "Class project / Educational purposes",
  "Website or blog",
  "Web Application",
  "Service or API",
  "Mobile Application",
  "Machine learning / AI / Data processing",
  "IoT",
  "Operational / Developer tooling",
];

/** Projects. Every resource is in one; until it is assigned, in the default one. */
export const projectCalls: Calls = {
  projects_list: ({ world, url }) => ok(page("projects", [...world.projects.values()].map(projectView), url)),

  projects_create({ world, body }) {
    const said = body as ProjectBody;
    const name = said.name ?? "";
    if (nameTaken(world, name)) throw conflict("name is already in use");
    const [description, environment] = [said.description ?? "", said.environment ?? ""];
    const purpose = purposeOf(said.purpose ?? "");
    const dates = { createdAt: now(), updatedAt: now() };
    const project: Project = {
      id: randomUUID(),
      name,
      description,
      purpose,
      environment,
      isDefault: false,
      ...dates,
    };
    world.projects.set(project.id, project);
    return created({ project: projectView(project) });
  },

  projects_get: (call) => ok({ project: projectView(projectOf(call)) }),
  projects_get_default: ({ world }) => ok({ project: projectView(world.defaultProject) }),
  projects_update: (call) => update(call, projectOf(call)),
  projects_patch: (call) => update(call, projectOf(call)),
  projects_update_default: (call) => update(call, call.world.defaultProject),
  projects_patch_default: (call) => update(call, call.world.defaultProject),

  projects_delete(call) {
    const project = projectOf(call);
    if (project.isDefault) throw preconditionFailed("cannot delete the default project");
    if (resourcesOf(call.world, project).length > 0)
      throw preconditionFailed("cannot delete a project with resources");
    call.world.projects.delete(project.id);
    return done;
  },

  projects_list_resources: (call) => list(call, projectOf(call)),
  projects_list_resources_default: (call) => list(call, call.world.defaultProject),
  projects_assign_resources: (call) => assign(call, projectOf(call)),
  projects_assign_resources_default: (call) => assign(call, call.world.defaultProject),
};

/** A project by its id. `default` is no id here, as those calls have paths of their own. */
const projectOf = ({ world, param }: Call): Project => must(world.projects.get(param("project_id")));

const nameTaken = (world: World, name: string): boolean =>
  [...world.projects.values()].some((project) => project.name === name);

const purposeOf = (text: string): string =>
  PURPOSES.includes(text) || text.startsWith("Other: ") ? text : `Other: ${text}`;

function update({ world, body }: Call, project: Project) {
  const said = body as ProjectBody;
  const name = said.name ?? project.name;
  if (name !== project.name && nameTaken(world, name)) throw conflict("name is already in use");
  if (said.is_default) for (const each of world.projects.values()) each.isDefault = each === project;
  project.name = name;
  project.description = said.description ?? project.description;
  project.purpose = purposeOf(said.purpose ?? project.purpose);
  project.environment = said.environment ?? project.environment;
  project.updatedAt = now();
  return ok({ project: projectView(project) });
}

/** URNs of everything that can be in a project. */
const everything = (world: World): { urn: string; createdAt: string }[] => [
  ...[...world.droplets.values()].map(({ id, createdAt }) => ({ urn: `do:droplet:${id}`, createdAt })),
  ...[...world.volumes.values()].map(({ id, createdAt }) => ({ urn: `do:volume:${id}`, createdAt })),
];

function resourcesOf(world: World, project: Project) {
  return everything(world).flatMap(({ urn, createdAt }) => {
    const assigned = world.assigned.get(urn) ?? { projectId: world.defaultProject.id, at: createdAt };
    return assigned.projectId === project.id ? [{ urn, at: assigned.at }] : [];
  });
}

const resourceView = (urn: string, at: string, origin: string, status: string) => {
  const [, kind, id] = urn.split(":");
  return { urn, assigned_at: at, links: { self: `${origin}/v2/${kind}s/${id}` }, status };
};

function list({ world, url }: Call, project: Project) {
  const views = resourcesOf(world, project).map(({ urn, at }) => resourceView(urn, at, url.origin, "ok"));
  return ok(page("resources", views, url));
}

function assign({ world, url, body }: Call, project: Project) {
  const { resources } = body as { resources: string[] };
  const known = new Set(everything(world).map(({ urn }) => urn));
  const views = resources.map((urn) => {
    const at = now();
    const already = world.assigned.get(urn)?.projectId === project.id;
    if (!known.has(urn)) return resourceView(urn, at, url.origin, "not_found");
    if (!already) world.assigned.set(urn, { projectId: project.id, at });
    return resourceView(urn, at, url.origin, already ? "already_assigned" : "assigned");
  });
  return ok({ resources: views });
}
