/** Rules of an entry's `services` that need more than one key, or the world outside the file. */
import { show } from "../text/show.ts";
import type { Path } from "../text/yaml.ts";
import { checkDuplicates } from "./entry-rules.ts";
import { VARIABLE_PATTERN } from "./field-schemas.ts";
import { listOf, mapOf, type UncheckedMap } from "./rough.ts";
import type { Violation } from "./violation.ts";

/** The broken rules of each of an entry's services by itself. */
export interface ServiceChecks {
  checkResources(value: unknown, path: Path): Violation[];
  checkVariables(env: unknown, path: Path): Violation[];
  checkSecretValues(secrets: readonly { name: string; index: number }[], path: Path): Violation[];
}

/** The broken rules of an entry's services, however much else is wrong with it. */
export function checkServices(entry: UncheckedMap, path: Path, checks: ServiceChecks): Violation[] {
  return Object.entries(mapOf(entry.services)).flatMap(([name, value]): Violation[] => {
    const at = [...path, "services", name];
    const { resources, env, secrets, volume } = mapOf(value);
    const named = listOf(secrets).flatMap((secret, index) =>
      typeof secret === "string" && VARIABLE_PATTERN.test(secret) ? [{ name: secret, index }] : [],
    );
    return [
      ...(name === entry.name
        ? [
            {
              path: at,
              what: `${show(name)} is the project's own hostname`,
              fix: "choose another name",
              atKey: true,
            },
          ]
        : []),
      ...checks.checkResources(resources, [...at, "resources"]),
      ...checks.checkVariables(env, [...at, "env"]),
      ...checkDuplicates(secrets, [...at, "secrets"]),
      ...checks.checkSecretValues(named, [...at, "secrets"]),
      ...checkDuplicates(volume, [...at, "volume"]),
    ];
  });
}
