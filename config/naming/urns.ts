import { OPENCODE } from "../versions.ts";
/** What the engine's names of resources say: a URN is `urn:pulumi:<stack>::<project>::<types>::<name>`. */

/** Type of the component that an entry of projects.yaml is. */
export const PROJECT_TYPE = "opencode:platform:Project";

/** What the edge has for one project, which is no child of the project. */
const EDGE_RESOURCE =
  /^project-(.+)-(application|application-people|service-token|machines|revocation|record)$/;

/** Whether a resource is the image of an environment that not all projects have. */
export const isEnvironmentImage = (urn: string): boolean =>
  /^image(?:-.+)?-environment-[0-9a-f]+/.test(nameOfUrn(urn)) && urn.includes("opencode:platform:Image");

/** The resource's name in the program. */
export const nameOfUrn = (urn: string): string => urn.split("::").slice(3).join("::");

/**
 * The entry of projects.yaml that a resource belongs to: the project that it or one of its ancestors is, or that its name has.
 * @param parents the parent's URN by the child's
 * @returns undefined for what all projects share
 */
export function projectOfUrn(urn: string, parents: ReadonlyMap<string, string>): string | undefined {
  for (let at: string | undefined = urn; at; at = parents.get(at))
    if (at.split("::")[2]?.split("$").at(-1) === PROJECT_TYPE) return nameOfUrn(at);
  return EDGE_RESOURCE.exec(nameOfUrn(urn))?.[1];
}

/**
 * The name of the resource of an image for a release of opencode; the default release's kept the name that it had when it was the only one.
 * @param packages the day of its packages, which is in the name where it is not `stackPackages`, the stack's
 * @param environment the key of an environment of a project's own (config/projects/environment.ts); empty for none
 */
export const imageResource = (
  version: string,
  packages = "",
  stackPackages = packages,
  environment = "",
): string => {
  const release = version === OPENCODE ? "image" : `image-${version}`;
  const name = environment ? `${release}-environment-${environment}` : release;
  return packages === stackPackages ? name : `${name}-packages-${packages}`;
};
