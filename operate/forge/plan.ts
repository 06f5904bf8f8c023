import * as z from "zod";
import { nameOfUrn, projectOfUrn } from "../../config/naming/urns.ts";
import { plain } from "../engine/events.ts";

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

const stateSchema = z.looseObject({ parent: z.string().optional(), custom: z.boolean().optional() });
const metadataSchema = z.looseObject({
  op: z.string(),
  urn: z.string(),
  type: z.string(),
  old: stateSchema.nullish(),
  new: stateSchema.nullish(),
  diffs: z.array(z.string()).nullish(),
  detailedDiff: z.record(z.string(), z.unknown()).nullish(),
});
const eventSchema = z.looseObject({
  resourcePreEvent: z.looseObject({ metadata: metadataSchema }).optional(),
  diagnosticEvent: z.looseObject({ severity: z.string(), message: z.string() }).optional(),
});

type Metadata = z.output<typeof metadataSchema>;

/** Words of the engine that only repeat that there was an error. */
const REPETITION = /^(update|preview|refresh) (failed|canceled)$/;

/** Reads a plan from the events of a preview; what isn't known is passed over. */
export function readPlan(events: readonly unknown[]): Plan {
  const known = events.flatMap((event) => {
    const { data } = eventSchema.safeParse(event);
    return data ? [data] : [];
  });
  const resources = known.flatMap(({ resourcePreEvent }) =>
    resourcePreEvent ? [resourcePreEvent.metadata] : [],
  );
  const diagnostics = known.flatMap(({ diagnosticEvent }) => (diagnosticEvent ? [diagnosticEvent] : []));
  const said = (wanted: string) => {
    const messages = diagnostics
      .filter(({ severity }) => severity === wanted)
      .map(({ message }) => plain(message));
    return [...new Set(messages.filter((message) => message && !REPETITION.test(message)))];
  };
  const isSame = ({ op, type }: Metadata) => op === "same" && type !== STACK_TYPE;
  return {
    steps: readSteps(resources),
    unchanged: new Set(resources.filter(isSame).map(({ urn }) => urn)).size,
    errors: said("error"),
    warnings: said("warning"),
  };
}

function readSteps(resources: readonly Metadata[]): Step[] {
  const parents = new Map<string, string>();
  for (const { urn, old, new: after } of resources) {
    const parent = after?.parent ?? old?.parent;
    if (parent) parents.set(urn, parent);
  }
  const steps = new Map<string, Step>();
  for (const { op, urn, type, diffs, detailedDiff, old, new: after } of resources) {
    const operation = OPERATIONS[op];
    // Components do nothing themselves, and providers belong to the engine.
    const isTold = (after ?? old)?.custom === true && !type.startsWith("pulumi:");
    if (!operation || !isTold) continue;
    const before = steps.get(urn);
    const paths = Object.keys(detailedDiff ?? {});
    const properties = new Set([
      ...(before?.properties ?? []),
      ...(paths.length > 0 ? paths : (diffs ?? [])),
    ]);
    steps.set(urn, {
      op: before && before.op !== operation ? "replace" : operation,
      urn,
      type,
      name: nameOfUrn(urn),
      project: projectOfUrn(urn, parents),
      properties: [...properties].sort(),
    });
  }
  return [...steps.values()];
}

/** `container` for `docker:index/container:Container`. */
export const kindOf = (type: string): string =>
  (type.split(":").pop() ?? type).replace(/(?<=[a-z])(?=[A-Z])/g, " ").toLowerCase();

/** How many resources each operation concerns, in the order in which they are told. */
export function countSteps(steps: readonly Step[]): [Operation, number][] {
  const order: Operation[] = ["create", "update", "replace", "delete"];
  return order
    .map((op): [Operation, number] => [op, steps.filter((step) => step.op === op).length])
    .filter(([, count]) => count > 0);
}
