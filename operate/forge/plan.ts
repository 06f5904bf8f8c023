import { nameOfUrn, projectOfUrn } from "../../config/naming/urns.ts";
import { isRepeatedError, readEvent, type StepEvent } from "../engine/events.ts";

/** What would be done to one resource. */
export type Operation = "create" | "update" | "replace" | "delete";

/** One resource that the engine would change. Names only: no property's value is kept. */
export interface Step {
  readonly op: Operation;
  readonly urn: string;
  /** `docker:index/container:Container`. */
  readonly type: string;
  /** The resource's name in the program. */
  readonly name: string;
  /** The entry of projects.yaml that it belongs to; undefined for what all share. */
  readonly project: string | undefined;
  /** Paths of the properties that differ. */
  readonly properties: readonly string[];
}

/** What the engine would do, and what it said. */
export interface Plan {
  readonly steps: readonly Step[];
  readonly unchanged: number;
  readonly errors: readonly string[];
  readonly warnings: readonly string[];
}

const STACK_TYPE = "pulumi:pulumi:Stack";

/** The engine takes several steps for a replacement. */
const OPERATIONS: Readonly<Record<string, Operation>> = {
  create: "create",
  import: "create",
  update: "update",
  delete: "delete",
  replace: "replace",
  "create-replacement": "replace",
  "delete-replaced": "replace",
};

/** Reads a plan from the events of a preview; what isn't known is passed over. */
export function readPlan(events: readonly unknown[]): Plan {
  const known = events.flatMap((event) => readEvent(event) ?? []);
  const steps = known.filter((event) => event.kind === "step").filter(({ status }) => status === "started");
  const diagnostics = known.filter((event) => event.kind === "diagnostic");
  const textsOf = (wanted: string) => {
    const texts = diagnostics.filter(({ severity }) => severity === wanted).map(({ text }) => text);
    return [...new Set(texts.filter((text) => text && !isRepeatedError(text)))];
  };
  const isSame = ({ op, type }: StepEvent) => op === "same" && type !== STACK_TYPE;
  return {
    steps: readSteps(steps),
    unchanged: new Set(steps.filter(isSame).map(({ urn }) => urn)).size,
    errors: textsOf("error"),
    warnings: textsOf("warning"),
  };
}

function readSteps(events: readonly StepEvent[]): Step[] {
  const parents = new Map<string, string>();
  for (const { urn, parent } of events) if (parent) parents.set(urn, parent);
  const steps = new Map<string, Step>();
  for (const { op, urn, type, isCustom, properties } of events) {
    const operation = OPERATIONS[op];
    // Components do nothing themselves, and providers belong to the engine.
    if (!operation || !isCustom || type.startsWith("pulumi:")) continue;
    const before = steps.get(urn);
    steps.set(urn, {
      op: before && before.op !== operation ? "replace" : operation,
      urn,
      type,
      name: nameOfUrn(urn),
      project: projectOfUrn(urn, parents),
      properties: [...new Set([...(before?.properties ?? []), ...properties])].sort(),
    });
  }
  return [...steps.values()];
}

/** How many resources each operation concerns, in the order in which they are shown. */
export function countSteps(steps: readonly Step[]): [Operation, number][] {
  const order: Operation[] = ["create", "update", "replace", "delete"];
  return order
    .map((op): [Operation, number] => [op, steps.filter((step) => step.op === op).length])
    .filter(([, count]) => count > 0);
}
