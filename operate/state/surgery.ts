import { list, parseResource, type Resource, record } from "./checkpoint.ts";

/** An exported state, as JSON. */
type Exported = unknown;
type Raw = Readonly<Record<string, unknown>>;

/**
 * Removes the resources that `goes` selects, and unfinished operations, from an exported state. The rest
 * keeps its
 * order and loses its references to them: dependencies, `deletedWith`, and parents (the next ancestor takes
 * over).
 * A provider stays while a remaining resource uses it. Secrets stay encrypted.
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

/** The first of a resource's ancestors that exists. */
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
