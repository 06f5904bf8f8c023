/** Updates one project and leaves the rest alone: nearly as fast with fifty projects as with one. */
import { checkConfiguration, readStackSettings } from "../../config/check.ts";
import { fail } from "../../config/errors.ts";
import { imageResource } from "../../config/naming/urns.ts";
import { environmentKey } from "../../config/projects/environment.ts";
import type { Project } from "../../config/projects/project.ts";
import { releasesOf } from "../../config/projects/releases.ts";
import { NOT_ALONE, ONLY_VARIABLE, targetsOf } from "../../config/stack/only.ts";
import { packagesDay } from "../../config/stack/packages.ts";
import type { Settings } from "../../config/stack/settings.ts";
import { OPENCODE } from "../../config/versions.ts";
import { root } from "./checkout.ts";
import type { EngineOptions } from "./runner.ts";
import { commandFor, type Session } from "./session.ts";

/** The engine's errors after an update. */
interface Errors {
  readonly errors: readonly string[];
}

/**
 * Makes the engine and the program update only one project.
 * @param projects those of projects.yaml. Default: read and checked now
 * @throws UserError for an invalid projects.yaml
 */
export function onlyProject(
  { stack }: Pick<Session, "stack">,
  project: string,
  projects: readonly Pick<Project, "name" | "opencode" | "environment">[] = checkConfiguration(
    root,
    stack,
  ).projects,
  settings: Pick<Settings, "baseImage" | "packages" | "packagesOf"> = readStackSettings(root, stack),
): Pick<EngineOptions, "targets" | "variables"> {
  const { packages, baseImage } = settings;
  const keyOf = (environment: Project["environment"]) => environmentKey(environment, baseImage);
  const others = projects
    .filter(({ name }) => name !== project)
    .map(({ name, opencode, environment }) =>
      imageResource(opencode.version, packagesDay(settings, name), packages, keyOf(environment)),
    );
  // Of its new release and its old one, whichever that was: the image comes and goes with the project. One of other packages, or of an
  // environment that it had, is left to the next whole update.
  const environments = new Set(["", keyOf(projects.find(({ name }) => name === project)?.environment)]);
  const days = [...new Set([packages, packagesDay(settings, project)])];
  const possible = Object.keys(releasesOf(stack, process.env)).flatMap((version) =>
    days.flatMap((day) =>
      [...environments].map((environment) => imageResource(version, day, packages, environment)),
    ),
  );
  const own = possible.filter((image) => !others.includes(image) && image !== imageResource(OPENCODE));
  return {
    targets: targetsOf(stack, project, own),
    variables: { [ONLY_VARIABLE]: project },
  };
}

/** Why the program refused to update only one project; undefined if it did not. */
export const refusalIn = ({ errors }: Errors): string | undefined =>
  errors.flatMap((text) => text.split("\n")).find((line) => line.includes(NOT_ALONE));

/** Throws the program's refusal as a UserError with the alternative, if there is one. */
export function throwRefusal(session: Session, project: string, report: Errors): void {
  const refusal = refusalIn(report);
  if (refusal === undefined) return;
  const what = refusal.slice(refusal.indexOf(NOT_ALONE));
  fail("conflict", project, what, commandFor(session, "up"));
}
