import { duration } from "../../toolchain/lib/words.ts";
import type { StepEvent } from "./events.ts";

/** A change of one resource, for people. */
export interface Change {
  /** `create`, `update`, `delete` … in the engine's terms. */
  readonly op: string;
  /** `container opencode-project-web-shop`. */
  readonly what: string;
}

const OPERATION_VERBS: Readonly<Record<string, readonly [present: string, past: string]>> = {
  create: ["creating", "created"],
  "create-replacement": ["replacing", "replaced"],
  update: ["changing", "changed"],
  delete: ["removing", "removed"],
  "delete-replaced": ["removing the old", "removed the old"],
  import: ["importing", "imported"],
};

/** The change that a step makes; undefined for an unchanged resource, a component or a provider. */
export function changeOf({ op, type, name, isCustom }: StepEvent): Change | undefined {
  if (!Object.hasOwn(OPERATION_VERBS, op) || !isCustom || type.startsWith("pulumi:")) return undefined;
  return { op, what: `${kindOf(type)} ${name}` };
}

/** `container` for `docker:index/container:Container`. */
export const kindOf = (type: string): string =>
  (type.split(":").pop() ?? type).replace(/(?<=[a-z])(?=[A-Z])/g, " ").toLowerCase();

/** `creating container opencode-project-web-shop`. */
export const presentTense = ({ op, what }: Change): string => `${OPERATION_VERBS[op]?.[0] ?? op} ${what}`;
/** `created container opencode-project-web-shop`. */
export const pastTense = ({ op, what }: Change): string => `${OPERATION_VERBS[op]?.[1] ?? op} ${what}`;

/** Summary of a successful update: `2 created, 1 changed (4 s)`. */
export function summary(changes: readonly Change[], ms: number): string {
  const counts = new Map<string, number>();
  for (const change of changes) {
    const word = pastTense({ ...change, what: "" }).trim();
    counts.set(word, (counts.get(word) ?? 0) + 1);
  }
  const words = [...counts].map(([word, count]) => `${count} ${word}`).join(", ");
  return `${words || "No changes"} (${duration(ms)})`;
}
