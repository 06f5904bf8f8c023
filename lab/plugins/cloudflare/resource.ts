/** Shared by Cloudflare's resources: each is a JSON object below an account or a zone. */
import { type Bridged, bridged, type Live } from "../shared/bridged.ts";
import { str } from "../shared/plain.ts";
import type { Context, Resource } from "../shared/resource.ts";
import { doing, ifFound } from "../shared/rest.ts";
import type { Failure, Schema } from "../shared/schema.ts";
import { isPlainProps, type Plain, type PlainProps } from "../shared/values.ts";
import { call, FAILED } from "./client.ts";
import { filledIn, fromApi, snake, toApi } from "./wire.ts";

/** A type of resource. */
export interface CloudResource {
  readonly schema: Schema;
  /** Properties added by the API. */
  readonly added: Schema;
  readonly secretOutputs?: readonly string[];
  /** Its parent. */
  readonly parent: "account" | "zone" | "either";
  /** The collection's path below its parent. */
  readonly path: string;
  customize?: Bridged["customize"];
  validate?(inputs: PlainProps): Failure[];
  /** Body of a create or replace request, beyond the properties themselves. */
  body?(inputs: PlainProps): PlainProps;
  /** Body of a PATCH to update it. Default: a PUT of the whole body. */
  patch?(news: PlainProps, state: PlainProps): PlainProps;
  /** Removes the API's additions from what was read; `known` is what was given or is in the state. */
  settle?(live: PlainProps, known: PlainProps): PlainProps;
}

const PARENTS: readonly string[] = ["accountId", "zoneId"];

/** Creates a resource from its description. */
export function cloudResource(kind: CloudResource): Resource {
  const { schema, added, secretOutputs, customize, validate } = kind;
  const computed = Object.keys(schema).filter((name) => schema[name]?.computed === true);
  return bridged({
    schema,
    outputs: [...Object.keys(added), ...computed],
    deleteFirst: false,
    ...(secretOutputs === undefined ? {} : { secretOutputs }),
    ...(customize === undefined ? {} : { customize }),
    ...(validate === undefined ? {} : { validate }),
    create: async (inputs, context) => {
      const path = collection(kind, inputs);
      return asked(kind, inputs, await doing(FAILED, call(context.signal, "POST", path, body(kind, inputs))));
    },
    read: (id, known, context) => read(kind, id, known, context),
    update: async (id, news, state, context) => {
      const [method, content] =
        kind.patch === undefined ? ["PUT", body(kind, news)] : ["PATCH", kind.patch(news, state)];
      const path = `${collection(kind, news)}/${id}`;
      return asked(kind, news, await doing(FAILED, call(context.signal, method, path, content)), id);
    },
    delete: async (id, state, context) => {
      await doing(FAILED, call(context.signal, "DELETE", `${collection(kind, state)}/${id}`));
    },
  });
}

function collection({ parent, path }: CloudResource, props: PlainProps): string {
  const [account, zone] = [str(props.accountId), str(props.zoneId)];
  if (account !== undefined && parent !== "zone") return `/accounts/${account}${path}`;
  if (zone !== undefined && parent !== "account") return `/zones/${zone}${path}`;
  throw new Error(parent === "zone" ? "zoneId is required" : "accountId is required");
}

function body(kind: CloudResource, inputs: PlainProps): PlainProps {
  const own = Object.entries(inputs).filter(([name]) => !PARENTS.includes(name));
  return { ...toApi(kind.schema, Object.fromEntries(own)), ...kind.body?.(inputs) };
}

function live(kind: CloudResource, known: PlainProps, result: Plain | undefined): PlainProps {
  const found = fromApi({ ...kind.schema, ...kind.added }, isPlainProps(result) ? result : {});
  return kind.settle?.(found, known) ?? found;
}

/** State after a create or update: the given inputs, whatever form the API returns them in. */
function asked(kind: CloudResource, inputs: PlainProps, result: Plain | undefined, known?: string): Live {
  const id = known ?? str(isPlainProps(result) ? result.id : undefined);
  if (id === undefined) throw new Error(`${FAILED}: the answer has no id`);
  return { id, properties: filledIn(inputs, live(kind, inputs, result)) };
}

/**
 * An import's id starts with its parent: `<account>/<id>`, or `accounts/<account>/<id>` if a zone is possible
 * too.
 */
function imported(kind: CloudResource, id: string): { id: string; known: PlainProps } {
  const [last = "", parent = "", which] = id.split("/").reverse();
  const zone = kind.parent === "zone" || which === "zones";
  return { id: last, known: { [zone ? "zoneId" : "accountId"]: parent } };
}

/** Known properties that no longer exist: the API returns null for them. */
function lost({ schema }: CloudResource, known: PlainProps, result: Plain): PlainProps {
  const json = isPlainProps(result) ? result : {};
  const names = Object.keys(schema).filter(
    (name) => json[snake(name)] === null && known[name] !== undefined && schema[name]?.computed !== true,
  );
  return Object.fromEntries(names.map((name) => [name, null]));
}

async function read(
  kind: CloudResource,
  id: string,
  known: PlainProps,
  context: Context,
): Promise<Live | undefined> {
  const found = Object.keys(known).length > 0 ? { id, known } : imported(kind, id);
  const path = `${collection(kind, found.known)}/${found.id}`;
  const result = await ifFound(FAILED, call(context.signal, "GET", path));
  if (result === undefined) return undefined;
  const properties = {
    ...found.known,
    ...live(kind, found.known, result),
    ...lost(kind, found.known, result),
  };
  return { id: found.id, properties };
}
