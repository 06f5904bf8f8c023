/** An update of one project, which leaves all else as the last whole update has made it. */
import { PROJECT_TYPE } from "../naming/urns.ts";
import { SETTINGS_NAMESPACE } from "./settings.ts";

/** The variable that names the one project to the program. */
export const ONLY_VARIABLE = "OPENCODE_PLATFORM_ONLY";

/** Begins the program's refusal of such an update, by which the panel knows that it takes the whole one. */
export const NOT_ALONE = "can't be updated alone:";

/** What an update has applied, as digests: of all that projects share, and of each project by its name. */
export interface Applied {
  readonly platform: string;
  readonly projects: Readonly<Record<string, string>>;
}

/**
 * Why one project can't be updated alone, in a sentence; undefined where it can. Everything else has to be as the last update has applied it,
 * so that the next whole update finds nothing to do.
 */
export function refusalOf(name: string, before: Applied | undefined, now: Applied): string | undefined {
  const because = (why: string) => `${name} ${NOT_ALONE} ${why}`;
  if (!Object.hasOwn(now.projects, name)) return because("it is not in projects.yaml");
  if (!before) return because("no whole update has been run with this release yet");
  if (before.platform !== now.platform)
    return because("settings or the platform itself have changed since the last update");
  const names = new Set([...Object.keys(before.projects), ...Object.keys(now.projects)]);
  const others = [...names].filter((each) => each !== name && before.projects[each] !== now.projects[each]);
  if (others.length === 0) return undefined;
  return because(`${others.sort().join(", ")} ${others.length === 1 ? "has" : "have"} changed too`);
}

/**
 * What the engine is to update for one project: its own resources, what the edge has for it, the lists that it is in, and images.
 * @param images names of images that no other project uses: one that others depend on can't be a target without them
 */
export function targetsOf(stack: string, name: string, images: readonly string[] = []): string[] {
  const urn = (types: string, resource: string) =>
    `urn:pulumi:${stack}::${SETTINGS_NAMESPACE}::${types}::${resource}`;
  // A pattern matches no resource of another project: the types before it are of one kind, and the name is whole.
  const own = ["password", "deploy-key", "repo", "network", "container", "route"].map((part) =>
    urn(`${PROJECT_TYPE}$**`, `${name}-${part}`),
  );
  const edge = [
    "application",
    "application-people",
    "service-token",
    "machines",
    "revocation",
    "record",
  ].flatMap((part) => [`project-${name}-${part}`, `panel-${part}`]);
  const ports = `project-${name}_port-*-record`;
  // Patterns, all of them: a refresh refuses a target that is no pattern and not in the state, as a new project's are.
  return [
    urn(`${PROJECT_TYPE}*`, name),
    ...own,
    // Of its services: no name of a project has a dot.
    urn(`${PROJECT_TYPE}$**`, `${name}.*`),
    ...images.flatMap((image) => [
      urn("opencode:platform:Image*", image),
      urn("opencode:platform:Image$**", image),
    ]),
    urn("command:local:Command*", "workspaces"),
    urn("opencode:platform:Guard$**", "packet-rules"),
    ...[...edge, ports, "tunnel-config"].map((resource) => urn("opencode:platform:Edge$**", resource)),
  ];
}
