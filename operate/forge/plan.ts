import { nameOfUrn, projectOfUrn } from "../../config/naming/urns.ts";
import { isRepeatedError, readEvent, type StepEvent } from "../engine/events.ts";

/** What happens to one resource. */
export type Operation = "create" | "update" | "replace" | "delete";

/** A resource that the engine would change. Names only, no property values. */
export interface Step {
  readonly op: Operation;
  readonly urn: string;
  /** `docker:index/container:Container`. */
  readonly type: string;
  /** The resource's name in the program. */
  readonly name: string;
  /** Its entry in projects.yaml; undefined for shared resources. */
  readonly project: string | undefined;
  /** Paths of the changed properties. */
  readonly properties: readonly string[];
}

/** The engine's plan and messages. */
export interface Plan {
  readonly steps: readonly Step[];
  readonly unchanged: number;
  readonly errors: readonly string[];
  readonly warnings: readonly string[];
}

const STACK_TYPE = "pulumi:pulumi:Stack";

/** A replacement takes the engine several steps. */
const OPERATIONS: Readonly<Record<string, Operation>> = {
  create: "create",
  import: "create",
  update: "update",
  delete: "delete",
  replace: "replace",
  "create-replacement": "replace",
  "delete-replaced": "replace",
};

/** Reads a plan from the events of a preview; skips unknown events. */
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
    // Components have no resource of their own, and providers belong to the engine.
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

/** Number of resources per operation, in display order. */
export function countSteps(steps: readonly Step[]): [Operation, number][] {
  const order: Operation[] = ["create", "update", "replace", "delete"];
  return order
    .map((op): [Operation, number] => [op, steps.filter((step) => step.op === op).length])
    .filter(([, count]) => count > 0);
}
