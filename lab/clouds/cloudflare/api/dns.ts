/** A zone's DNS records: A, AAAA, CNAME and TXT. */
import { isIPv4, isIPv6 } from "node:net";
import { Hono } from "hono";
import { z } from "zod";
import { type DnsRecord, newTag, now, type State } from "../state.ts";
import { ApiError, filters, input, ok, page } from "./envelope.ts";
import { type ApiEnv, governedBy } from "./permissions.ts";

const SAME_NAME =
  "For more details, refer to <https://developers.cloudflare.com/dns/manage-dns-records/troubleshooting/records-with-same-name/>.";

const HOSTNAME =
  /^(?=.{1,253}$)(\*\.)?([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$/i;

const Body = z.strictObject({
  type: z.string(),
  name: z.string(),
  content: z.string(),
  ttl: z.number(),
  proxied: z.boolean().default(false),
  comment: z.string().optional(),
  tags: z.array(z.string()).default([]),
  settings: z.record(z.string(), z.unknown()).default({}),
});
type Body = z.infer<typeof Body>;

const refuse = (code: number, message: string) => new ApiError(400, { code, message });

function checkContent({ type, content }: Body): void {
  const valid: Record<string, (content: string) => boolean> = {
    A: isIPv4,
    AAAA: isIPv6,
    CNAME: (name) => HOSTNAME.test(name.replace(/\.$/, "")),
    TXT: (text) => text.length > 0,
  };
  const check = valid[type];
  if (!check) throw refuse(9004, `the stand-in for Cloudflare does not support ${type} records`);
  if (!check(content))
    throw type === "CNAME"
      ? refuse(9007, "Content for CNAME record is invalid.")
      : refuse(9005, `Content for ${type} record is invalid.`);
}

function check(body: Body): void {
  if (!HOSTNAME.test(body.name)) throw refuse(9000, "DNS name is invalid.");
  checkContent(body);
  if (body.ttl !== 1 && (body.ttl < 60 || body.ttl > 86_400))
    throw refuse(9021, "Invalid TTL. Must be between 60 and 86400 seconds, or 1 for Automatic.");
  if (body.proxied && body.type === "TXT") throw refuse(9004, "This record type cannot be proxied.");
  // Limits of a free zone.
  if ((body.comment?.length ?? 0) > 100)
    throw refuse(9206, "Comment is too long: it may have 100 characters at most.");
  if (body.tags.length > 0) throw refuse(9300, "DNS record tags are not available on the zone's plan.");
}

/** The full name: `@` and names outside the zone are below it. */
function wholeName(name: string, zone: string): string {
  const lower = name.toLowerCase().replace(/\.$/, "");
  if (lower === "@" || lower === zone) return zone;
  return lower.endsWith(`.${zone}`) ? lower : `${lower}.${zone}`;
}

function checkConflicts(state: State, record: Body, self?: string): void {
  const same = [...state.records.values()].filter((other) => other.id !== self && other.name === record.name);
  if (same.some((other) => other.type === record.type && other.content === record.content))
    throw refuse(81058, "An identical record already exists.");
  const addresses = same.filter((other) => ["A", "AAAA", "CNAME"].includes(other.type));
  if (record.type === "CNAME" && addresses.length > 0)
    throw refuse(81053, `An A, AAAA, or CNAME record with that host already exists. ${SAME_NAME}`);
  if (["A", "AAAA"].includes(record.type) && addresses.some((other) => other.type === "CNAME"))
    throw refuse(81054, `A CNAME record with that host already exists. ${SAME_NAME}`);
}

const shown = (record: DnsRecord) => ({
  ...record,
  proxiable: record.type !== "TXT",
  comment: record.comment ?? null,
  meta: {},
});

const FILTERS = [
  "type",
  "name",
  "name.exact",
  "content",
  "content.exact",
  "comment",
  "comment.exact",
  "proxied",
];

function matches(record: DnsRecord, query: Record<string, string>): boolean {
  const wanted = (key: "name" | "content" | "comment") => query[`${key}.exact`] ?? query[key];
  return (
    (query.type ?? record.type) === record.type &&
    (query.proxied ?? String(record.proxied)) === String(record.proxied) &&
    (wanted("name") ?? record.name) === record.name &&
    (wanted("content") ?? record.content) === record.content &&
    (wanted("comment") ?? record.comment) === record.comment
  );
}

/** Creates a record from a body, in place of `before` if given. */
function record(state: State, body: Body, before?: DnsRecord): DnsRecord {
  check(body);
  const named = { ...body, name: wholeName(body.name, state.zone.name) };
  checkConflicts(state, named, before?.id);
  const at = now();
  const made: DnsRecord = {
    id: before?.id ?? newTag(),
    ...named,
    // Cloudflare sets the TTL of proxied records itself.
    ttl: named.proxied ? 1 : named.ttl,
    created_on: before?.created_on ?? at,
    modified_on: at,
    ...(named.comment === undefined ? {} : { comment_modified_on: at }),
  };
  state.records.set(made.id, made);
  return made;
}

export function dns(state: State): Hono<ApiEnv> {
  const app = new Hono<ApiEnv>().basePath("/zones/:zone/dns_records");
  const invalid = (message: string) => refuse(9207, `Request body is invalid. ${message}`);
  const find = (id: string): DnsRecord => {
    const found = state.records.get(id);
    if (!found) throw new ApiError(404, { code: 81044, message: "Record does not exist." });
    return found;
  };
  app.use(async (c, next) => {
    if (c.req.param("zone") !== state.zone.id)
      throw new ApiError(404, {
        code: 7003,
        message: `Could not route to ${c.req.path}, perhaps your object identifier is invalid?`,
      });
    await next();
  });
  app.use(governedBy("DNS"));
  app.get("/", (c) => {
    const query = filters(c, FILTERS);
    return page(c, [...state.records.values()].filter((each) => matches(each, query)).map(shown), 100);
  });
  app.post("/", async (c) => ok(c, shown(record(state, await input(c, Body, invalid)))));
  app.get("/:id", (c) => ok(c, shown(find(c.req.param("id")))));
  app.put("/:id", async (c) => {
    const before = find(c.req.param("id"));
    return ok(c, shown(record(state, await input(c, Body, invalid), before)));
  });
  app.patch("/:id", async (c) => {
    const before = find(c.req.param("id"));
    const change = await input(c, Body.partial(), invalid);
    const given = Object.keys(JSON.parse(await c.req.text()) as object);
    const changed = Object.fromEntries(Object.entries(change).filter(([key]) => given.includes(key)));
    const { type, name, content, ttl, proxied, comment, tags, settings } = before;
    const body = { type, name, content, ttl, proxied, comment, tags, settings, ...changed };
    return ok(c, shown(record(state, Body.parse(body), before)));
  });
  app.delete("/:id", (c) => {
    const { id } = find(c.req.param("id"));
    state.records.delete(id);
    return ok(c, { id });
  });
  return app;
}
