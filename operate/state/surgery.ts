import { list, parseResource, type Resource, record } from "./checkpoint.ts";

/** An exported state, as JSON. */
type Exported = unknown;
type Raw = Readonly<Record<string, unknown>>;

/**
 * An exported state without the resources that `goes` chooses, and without unfinished operations. What stays keeps its order, and no
 * longer refers to what went: as a dependency, as a parent (the next one above takes its place), or as what it is deleted with.
 * A provider stays as long as something that stays uses it. Secrets are left as they are, encrypted.
 */
export function withoutResources(exported: Exported, goes: (resource: Resource) => boolean): Exported {
  const top = record(exported);
  const { pending_operations: _, ...deployment } = record(top.deployment);
  const all = list(deployment.resources).map(record);
  const staying = chooseStaying(all, goes);
  const urns = new Set(staying.map(({ urn }) => urn));
  const parents = new Map(all.map(({ urn, parent }) => [urn, parent]));
  const resources = staying.map((resource) => withoutReferences(resource, urns, parents));
  return { ...top, deployment: { ...deployment, resources } };
}

function chooseStaying(all: readonly Raw[], goes: (resource: Resource) => boolean): Raw[] {
  const chosen = new Set(all.filter((resource) => goes(parseResource(resource))));
  const used = new Set(all.filter((resource) => !chosen.has(resource)).map(({ provider }) => provider));
  return all.filter((resource) => !chosen.has(resource) || used.has(`${resource.urn}::${resource.id}`));
}

function withoutReferences(
  resource: Raw,
  there: ReadonlySet<unknown>,
  parents: ReadonlyMap<unknown, unknown>,
): Raw {
  const { parent, dependencies, propertyDependencies, deletedWith, replaceWith, ...rest } = resource;
  const onlyThere = (urns: unknown) => list(urns).filter((urn) => there.has(urn));
  const above = nearest(parent, there, parents);
  return {
    ...rest,
    ...(above === undefined ? {} : { parent: above }),
    ...(dependencies === undefined ? {} : { dependencies: onlyThere(dependencies) }),
    ...(propertyDependencies === undefined
      ? {}
      : {
          propertyDependencies: Object.fromEntries(
            Object.entries(record(propertyDependencies)).map(([name, urns]) => [name, onlyThere(urns)]),
          ),
        }),
    ...(there.has(deletedWith) ? { deletedWith } : {}),
    ...(replaceWith === undefined ? {} : { replaceWith: onlyThere(replaceWith) }),
  };
}

/** The first of a resource's ancestors that is there. */
function nearest(
  parent: unknown,
  there: ReadonlySet<unknown>,
  parents: ReadonlyMap<unknown, unknown>,
): unknown {
  let at = parent;
  for (let steps = 0; at !== undefined && !there.has(at) && steps < parents.size; steps++)
    at = parents.get(at);
  return there.has(at) ? at : undefined;
}
