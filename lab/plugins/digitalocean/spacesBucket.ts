/** digitalocean:index/spacesBucket:SpacesBucket, by the S3 calls of the official plugin. */
import { bridged, type Live } from "../shared/bridged.ts";
import { bool, num, record, records, str } from "../shared/plain.ts";
import type { Context } from "../shared/resource.ts";
import { doing } from "../shared/rest.ts";
import { flag, integer, type Property, replaced, type Schema, text } from "../shared/schema.ts";
import { type PlainProps, same } from "../shared/values.ts";
import { callSpaces, notCovered } from "./client.ts";

const days = (name: string): Property => ({ type: "object", fields: { [name]: integer } });

export const schema: Schema = {
  name: replaced(text),
  region: { ...replaced(text), fallback: "nyc3", kept: (region) => region.toLowerCase() },
  acl: { ...text, fallback: "private", pattern: /^(private|public-read)$/ },
  forceDestroy: { ...flag, fallback: false },
  versioning: { type: "object", fields: { enabled: flag } },
  lifecycleRules: {
    type: "list",
    items: {
      type: "object",
      fields: {
        id: { ...text, computed: true },
        enabled: { ...flag, required: true },
        prefix: text,
        abortIncompleteMultipartUploadDays: integer,
        expiration: days("days"),
        noncurrentVersionExpiration: days("days"),
      },
    },
  },
  corsRules: { type: "any", ...notCovered("corsRules") },
};

const bucketIn = (inputs: PlainProps) => ({
  name: str(inputs.name) ?? "",
  region: (str(inputs.region) ?? "nyc3").toLowerCase(),
});
type Bucket = ReturnType<typeof bucketIn>;

const tag = (name: string, value: string | number | undefined): string =>
  value === undefined ? "" : `<${name}>${value}</${name}>`;
const textOf = (xml: string, name: string): string | undefined =>
  new RegExp(`<${name}>([^<]*)</${name}>`).exec(xml)?.[1];

function lifecycleXml(rules: readonly PlainProps[]): string {
  const rule = (each: PlainProps, index: number): string => {
    const expires = num(record(each.expiration)?.days);
    const noncurrent = num(record(each.noncurrentVersionExpiration)?.days);
    const aborts = num(each.abortIncompleteMultipartUploadDays);
    return `<Rule>${[
      tag("ID", str(each.id) ?? `rule-${index + 1}`),
      `<Filter>${tag("Prefix", str(each.prefix) ?? "")}</Filter>`,
      tag("Status", bool(each.enabled) === true ? "Enabled" : "Disabled"),
      ...(expires === undefined ? [] : [`<Expiration>${tag("Days", expires)}</Expiration>`]),
      ...(noncurrent === undefined
        ? []
        : [
            `<NoncurrentVersionExpiration>${tag("NoncurrentDays", noncurrent)}</NoncurrentVersionExpiration>`,
          ]),
      ...(aborts === undefined
        ? []
        : [
            `<AbortIncompleteMultipartUpload>${tag("DaysAfterInitiation", aborts)}</AbortIncompleteMultipartUpload>`,
          ]),
    ].join("")}</Rule>`;
  };
  return `<LifecycleConfiguration>${rules.map(rule).join("")}</LifecycleConfiguration>`;
}

function liveRules(xml: string): PlainProps[] {
  return [...xml.matchAll(/<Rule>(.*?)<\/Rule>/gs)].map(([, rule = ""]) => {
    const number = (name: string) =>
      textOf(rule, name) === undefined ? undefined : Number(textOf(rule, name));
    const [expires, noncurrent, aborts] = ["Days", "NoncurrentDays", "DaysAfterInitiation"].map(number);
    return {
      id: textOf(rule, "ID") ?? "",
      enabled: textOf(rule, "Status") === "Enabled",
      ...(textOf(rule, "Prefix") ? { prefix: textOf(rule, "Prefix") ?? "" } : {}),
      ...(expires === undefined ? {} : { expiration: { days: expires } }),
      ...(noncurrent === undefined ? {} : { noncurrentVersionExpiration: { days: noncurrent } }),
      ...(aborts === undefined ? {} : { abortIncompleteMultipartUploadDays: aborts }),
    };
  });
}

const ask = (
  context: Context,
  { name, region }: Bucket,
  method: string,
  query = "",
  body = "",
  acl?: string,
) => callSpaces(context, { method, region, path: `/${name}${query}`, body, ...(acl ? { acl } : {}) });

async function configure(
  bucket: Bucket,
  news: PlainProps,
  state: PlainProps,
  context: Context,
): Promise<void> {
  const versioning = bool(record(news.versioning)?.enabled);
  if (versioning !== undefined && !same(news.versioning, state.versioning)) {
    const body = `<VersioningConfiguration>${tag("Status", versioning ? "Enabled" : "Suspended")}</VersioningConfiguration>`;
    await doing("Error putting Spaces versioning", ask(context, bucket, "PUT", "?versioning", body));
  }
  if (!same(news.lifecycleRules, state.lifecycleRules)) {
    const rules = records(news.lifecycleRules);
    const put = rules.length > 0;
    const call = put
      ? ask(context, bucket, "PUT", "?lifecycle", lifecycleXml(rules))
      : ask(context, bucket, "DELETE", "?lifecycle");
    await doing("Error putting Spaces lifecycle", call);
  }
}

async function live(bucket: Bucket, known: PlainProps, context: Context): Promise<Live | undefined> {
  const head = await ask(context, bucket, "HEAD");
  if (head.status === 404) return undefined;
  const versioning = await ask(context, bucket, "GET", "?versioning");
  const lifecycle = await ask(context, bucket, "GET", "?lifecycle");
  const rules = liveRules(lifecycle.text);
  const { name, region } = bucket;
  const endpoint = `${region}.digitaloceanspaces.com`;
  const properties: PlainProps = {
    name,
    region,
    acl: str(known.acl) ?? "private",
    forceDestroy: bool(known.forceDestroy) ?? false,
    versioning: { enabled: textOf(versioning.text, "Status") === "Enabled" },
    ...(rules.length > 0 ? { lifecycleRules: rules } : {}),
    bucketDomainName: `${name}.${endpoint}`,
    bucketUrn: `do:space:${name}`,
    endpoint,
  };
  return { id: name, properties };
}

async function found(bucket: Bucket, known: PlainProps, context: Context): Promise<Live> {
  const made = await live(bucket, known, context);
  if (made === undefined) throw new Error(`bucket ${bucket.name} no longer exists`);
  return made;
}

export const spacesBucket = bridged({
  schema,
  outputs: ["bucketDomainName", "bucketUrn", "endpoint"],
  autoNamed: true,
  create: async (inputs, context) => {
    const bucket = bucketIn(inputs);
    await doing(
      "Error creating Spaces bucket",
      ask(context, bucket, "PUT", "", "", str(inputs.acl) ?? "private"),
    );
    await configure(bucket, inputs, {}, context);
    return found(bucket, inputs, context);
  },
  read: (id, known, context) => live({ ...bucketIn(known), name: id }, known, context),
  update: async (_id, news, state, context) => {
    await configure(bucketIn(news), news, state, context);
    return found(bucketIn(news), news, context);
  },
  delete: async (_id, state, context) => {
    if (bool(state.forceDestroy) === true) throw new Error("the stand-in doesn't cover forceDestroy");
    await doing("Error deleting Spaces bucket", ask(context, bucketIn(state), "DELETE"));
  },
});
