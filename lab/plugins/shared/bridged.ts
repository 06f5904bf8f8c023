/**
 * Resources that behave like the official bridged plugins', from a schema and a few operations on plain
 * values.
 */
import { type Change, diffProps, keptForm } from "./diff.ts";
import { withZeroFields } from "./official.ts";
import {
  type CheckArgs,
  type CheckResult,
  type Context,
  type DiffRequest,
  type DiffResult,
  type Made,
  PartlyMade,
  type Resource,
  type UpdateArgs,
} from "./resource.ts";
import { checkProps, type Failure, type Schema } from "./schema.ts";
import {
  hasUnknown,
  isProps,
  overlay,
  type PlainProps,
  type Props,
  reveal,
  revealProps,
  Secret,
  UNKNOWN,
  type Value,
} from "./values.ts";

/** An existing resource: its id and readable properties. */
export interface Live {
  readonly id: string;
  readonly properties: PlainProps;
}

/** Thrown by `create` if the resource exists but a later step failed. */
export class Unfinished extends Error {
  readonly live: Live;
  constructor(reason: string, live: Live) {
    super(reason);
    this.name = "Unfinished";
    this.live = live;
  }
}

/** The definition of a bridged resource. */
export interface Bridged {
  readonly schema: Schema;
  /** Properties that only exist after creation. */
  readonly outputs: readonly string[];
  /** The official state's values for unset inputs; without them the official plugin would see a change. */
  readonly blanks?: PlainProps;
  /** Whether the official state has every field of an object, with zero values for unset ones. */
  readonly zeroFields?: boolean;
  /** Names, or `name.field` for a part of an object. */
  readonly secretOutputs?: readonly string[];
  /** Whether an unset `name` is derived from the resource's name. */
  readonly autoNamed?: boolean;
  /** Form of a derived name. */
  autoName?(name: string): string;
  /** Whether a replacement deletes first. Default: only with a fixed name. */
  readonly deleteFirst?: boolean;
  /** Checks beyond the schema; only called when every input is known. */
  validate?(inputs: PlainProps): Failure[];
  /** Adjusts changes that depend on other properties; may throw to refuse a change. */
  customize?(changes: readonly Change[], state: PlainProps, news: PlainProps): readonly Change[];
  create(inputs: PlainProps, context: Context): Promise<Live>;
  read(id: string, known: PlainProps, context: Context): Promise<Live | undefined>;
  update?(id: string, news: PlainProps, state: PlainProps, context: Context): Promise<Live>;
  delete(id: string, state: PlainProps, context: Context): Promise<void>;
}

/** Creates a resource from its definition. */
export function bridged(spec: Bridged): Resource {
  return {
    check: (args) => check(spec, args),
    diff: (request) => diff(spec, request),
    previewCreate: (inputs) => ({ ...inputs, ...unknowns(spec, inputs) }),
    create: (inputs, context) => create(spec, inputs, context),
    read: async (id, inputs, state, context) => {
      const live = await spec.read(id, revealProps(state), context);
      if (live === undefined) return undefined;
      const next = stateOf(spec, state, live);
      const known = Object.keys(inputs).length > 0;
      return { id: live.id, state: next, inputs: known ? inputs : inputsOf(spec, next) };
    },
    previewUpdate: ({ state, news }) => ({ ...outputsOf(spec, state), ...keptForms(spec, news) }),
    update: (args, context) => update(spec, args, context),
    delete: (id, state, context) => spec.delete(id, revealProps(state), context),
  };
}

async function create(spec: Bridged, inputs: Props, context: Context): Promise<Made> {
  const made = (live: Live): Made => ({ id: live.id, state: stateOf(spec, keptForms(spec, inputs), live) });
  try {
    return made(await spec.create(revealProps(inputs), context));
  } catch (error) {
    if (error instanceof Unfinished) throw new PartlyMade(error.message, made(error.live));
    throw error;
  }
}

async function update(spec: Bridged, { id, state, news }: UpdateArgs, context: Context): Promise<Props> {
  const before = revealProps(state);
  const live = await spec.update?.(id, revealProps(news), before, context);
  const asked = { ...metaOf(state), ...outputsOf(spec, state), ...keptForms(spec, news) };
  return stateOf(spec, asked, live ?? { id, properties: {} });
}

function check(spec: Bridged, args: CheckArgs): CheckResult {
  const inputs = spec.autoNamed === true ? named(spec, args) : args.news;
  const failures = checkProps(spec.schema, inputs);
  if (failures.length === 0 && spec.validate !== undefined && !hasUnknown(inputs)) {
    failures.push(...spec.validate(revealProps(inputs)));
  }
  return { inputs, failures };
}

/** Derives a missing name, and records that it was derived. */
function named(spec: Bridged, { name, olds, news, seed }: CheckArgs): Props {
  if (news.name !== undefined) return news;
  const kept = isAutoNamed(olds) && typeof olds.name === "string" ? olds.name : undefined;
  const fresh = `${name}-${Buffer.from(seed).toString("hex").slice(0, 7)}`;
  return { ...news, name: kept ?? spec.autoName?.(fresh) ?? fresh, __defaults: ["name"] };
}

function isAutoNamed(inputs: Props): boolean {
  const defaults: Value | undefined = inputs.__defaults;
  return Array.isArray(defaults) && defaults.includes("name");
}

function diff(spec: Bridged, { state, news, ignore }: DiffRequest): DiffResult {
  const plain = diffProps({ schema: spec.schema, state, news, ignore });
  const changes = spec.customize?.(plain, revealProps(state), revealProps(news)) ?? plain;
  const fixedName = spec.schema.name !== undefined && !isAutoNamed(news);
  return { changes, deleteBeforeReplace: spec.deleteFirst ?? fixedName };
}

/** Outputs that a preview can't know; those given as inputs are known. */
function unknowns(spec: Bridged, inputs: Props): Props {
  const names = spec.outputs.filter((name) => inputs[name] === undefined);
  return Object.fromEntries(names.map((name) => [name, UNKNOWN]));
}

function outputsOf(spec: Bridged, state: Props): Props {
  return Object.fromEntries(Object.entries(state).filter(([name]) => spec.outputs.includes(name)));
}

/** The official plugin's metadata in the state, such as the schema's version. */
function metaOf({ __meta: meta }: Props): Props {
  return meta === undefined ? {} : { __meta: meta };
}

function stateOf(spec: Bridged, asked: Props, { id, properties }: Live): Props {
  const found = overlay(asked, properties);
  const state: Props = {
    ...spec.blanks,
    ...(spec.zeroFields === true ? withZeroFields(spec.schema, found) : found),
    id,
  };
  // The official plugin's conversion of these exact values: it panics with others, and without any derives
  // one.
  delete state.__pulumi_raw_state_delta;
  for (const path of spec.secretOutputs ?? []) {
    const [name = "", field] = path.split(".");
    const value = state[name];
    if (field === undefined) hide(state, name);
    else if (value !== undefined && isProps(value)) state[name] = hide({ ...value }, field);
  }
  return state;
}

function hide(props: Props, name: string): Props {
  const value = props[name];
  if (value !== undefined && !(value instanceof Secret)) props[name] = new Secret(value);
  return props;
}

function keptForms(spec: Bridged, asked: Props): Props {
  const entries = Object.entries(asked).map(([name, value]) => {
    if (spec.schema[name]?.kept === undefined || hasUnknown(value)) return [name, value];
    const kept = keptForm(spec.schema[name], reveal(value));
    return [name, value instanceof Secret ? new Secret(kept) : kept];
  });
  return Object.fromEntries(entries);
}

/** Inputs of an imported resource: everything that was read and can be an input. */
function inputsOf(spec: Bridged, state: Props): Props {
  const empty = (value: Value): boolean =>
    value === "" ||
    value === 0 ||
    value === false ||
    (Array.isArray(value) && value.length === 0) ||
    (isProps(value) && Object.keys(value).length === 0);
  const entries = Object.entries(state).filter(
    ([name, value]) =>
      spec.schema[name] !== undefined && spec.schema[name].computed !== true && !empty(value),
  );
  return Object.fromEntries(entries);
}
