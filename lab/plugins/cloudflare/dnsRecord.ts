/** cloudflare:index/dnsRecord:DnsRecord. */
import type { Change } from "../shared/diff.ts";
import { record, str } from "../shared/plain.ts";
import { computed, type Failure, flag, replaced, type Schema, text, textSet } from "../shared/schema.ts";
import type { PlainProps } from "../shared/values.ts";
import { notCovered } from "./client.ts";
import { cloudResource } from "./resource.ts";
import { toApi } from "./wire.ts";

const settings: Schema = {
  flattenCname: computed(flag),
  ipv4Only: computed(flag),
  ipv6Only: computed(flag),
};

export const schema: Schema = {
  comment: text,
  content: { ...computed(text), compared: (content) => content.toLowerCase() },
  data: { type: "any", ...notCovered("a record's data") },
  includeShadowMetadata: { ...flag, ...notCovered("includeShadowMetadata") },
  name: { ...text, required: true },
  priority: { type: "number" },
  privateRouting: flag,
  proxied: { ...flag, fallback: false },
  settings: computed({ type: "object", fields: settings }),
  tags: computed(textSet),
  ttl: { type: "number", required: true },
  type: { ...replaced(text), required: true },
  zoneId: { ...replaced(text), required: true },
};

/** The API returns the full name, even if only the part before the zone was given. */
function customize(changes: readonly Change[], state: PlainProps, news: PlainProps): readonly Change[] {
  const [before, after] = [str(state.name) ?? "", (str(news.name) ?? "").replace(/\.$/, "")];
  const alike = before.startsWith(`${after}.`) || (after === "@" && before.includes("."));
  return changes.filter(({ property }) => property !== "name" || !alike);
}

function validate({ proxied, ttl }: PlainProps): Failure[] {
  if (proxied !== true || ttl === 1) return [];
  return [{ property: "ttl", reason: "ttl must be set to 1 when `proxied` is true" }];
}

/** A CNAME record always has settings. */
function body(inputs: PlainProps): PlainProps {
  const given = toApi(settings, record(inputs.settings) ?? {});
  const defaults = { flatten_cname: false, ipv4_only: false, ipv6_only: false };
  return {
    proxied: inputs.proxied === true,
    ...(inputs.type === "CNAME" ? { settings: { ...defaults, ...given } } : {}),
  };
}

export const dnsRecord = cloudResource({
  schema,
  added: {
    commentModifiedOn: text,
    createdOn: text,
    meta: { type: "any" },
    modifiedOn: text,
    proxiable: flag,
    tagsModifiedOn: text,
  },
  parent: "zone",
  path: "/dns_records",
  customize,
  validate,
  body,
  settle: (live) => (live.meta === undefined ? live : { ...live, meta: JSON.stringify(live.meta) }),
});
