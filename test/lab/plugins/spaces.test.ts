/** The digitalocean stand-in's buckets and their keys: by S3, with signed requests, and by the API. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, expect, it } from "vitest";
import { configure } from "../../../lab/plugins/digitalocean/client.ts";
import { spacesBucket } from "../../../lab/plugins/digitalocean/spacesBucket.ts";
import { spacesKey } from "../../../lab/plugins/digitalocean/spacesKey.ts";
import { signature } from "../../../lab/plugins/shared/sigv4.ts";
import { Secret } from "../../../lab/plugins/shared/values.ts";
import { type CloudApi, context, startCloudApi } from "../../support/plugins-cloud-api.ts";

const KEY = { keyId: "DO00TEST", secret: "hush" };
const buckets = new Map<string, { versioning: string; lifecycle: string }>();
const asked: string[] = [];
/** S3, as far as buckets go: what it was given it says again. */
const server = createServer(async (request, response) => {
  let body = "";
  for await (const part of request) body += part;
  const url = new URL(request.url ?? "", `http://${request.headers.host}`);
  const at = String(request.headers["x-amz-date"]);
  const acl = request.headers["x-amz-acl"]?.toString();
  const { authorization } = signature({
    acl,
    method: request.method ?? "",
    url,
    body,
    ...KEY,
    region: "fra1",
    at,
  });
  asked.push(`${request.method} ${request.url}`);
  const answer = (status: number, text = "") => response.writeHead(status).end(text);
  if (request.headers.authorization !== authorization)
    return answer(403, "<Code>SignatureDoesNotMatch</Code>");
  const name = url.pathname.slice(1);
  const part = url.searchParams.has("versioning")
    ? "versioning"
    : url.searchParams.has("lifecycle")
      ? "lifecycle"
      : undefined;
  const bucket = buckets.get(name);
  if (!part && request.method === "PUT")
    return answer(buckets.set(name, { versioning: "", lifecycle: "" }) && 200);
  if (!bucket) return answer(404, "<Code>NoSuchBucket</Code>");
  if (!part && request.method === "DELETE") return answer(buckets.delete(name) ? 204 : 404);
  if (part && request.method === "PUT") bucket[part] = body;
  if (part === "lifecycle" && request.method === "GET" && !bucket.lifecycle)
    return answer(404, "<Code>NoSuchLifecycleConfiguration</Code>");
  return answer(200, part ? bucket[part] : "");
});
let api: CloudApi;
const credentials = (secret: string) =>
  configure({
    apiEndpoint: api.address,
    token: new Secret("t0ken"),
    spacesEndpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    spacesAccessId: new Secret(KEY.keyId),
    spacesSecretKey: new Secret(secret),
  });

beforeAll(async () => {
  api = await startCloudApi();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  credentials(KEY.secret);
});
afterAll(() => {
  api.close();
  server.close();
});

const INPUTS = {
  name: "backups",
  region: "fra1",
  acl: "private",
  versioning: { enabled: true },
  lifecycleRules: [
    { enabled: true, noncurrentVersionExpiration: { days: 30 }, abortIncompleteMultipartUploadDays: 7 },
  ],
};

it("makes a bucket as it is wanted, reads it so, and removes it", async () => {
  const { id, state } = await spacesBucket.create(INPUTS, context);
  expect(id).toBe("backups");
  expect(state).toMatchObject({
    versioning: { enabled: true },
    endpoint: "fra1.digitaloceanspaces.com",
    bucketUrn: "do:space:backups",
  });
  expect(buckets.get("backups")?.lifecycle).toContain("<NoncurrentDays>30</NoncurrentDays>");
  const read = await spacesBucket.read?.(id, INPUTS, state, context);
  expect(read?.state).toMatchObject({
    lifecycleRules: [{ enabled: true, noncurrentVersionExpiration: { days: 30 } }],
  });
  const diff = await spacesBucket.diff({
    id,
    oldInputs: INPUTS,
    state: read?.state ?? {},
    news: INPUTS,
    ignore: [],
  });
  expect(diff.changes).toEqual([]);
  await spacesBucket.delete(id, state, context);
  expect(await spacesBucket.read?.(id, INPUTS, state, context)).toBeUndefined();
});

it("says what the server refuses, and speaks to no real one", async () => {
  credentials("wrong");
  await expect(spacesBucket.create(INPUTS, context)).rejects.toThrow("Error creating Spaces bucket");
  configure({ apiEndpoint: api.address, token: "t", spacesAccessId: "a", spacesSecretKey: "b" });
  await expect(spacesBucket.create(INPUTS, context)).rejects.toThrow("may be the real cloud");
  credentials(KEY.secret);
});

it("makes a key for one bucket, whose secret is kept from its creation", async () => {
  const grants = [{ bucket: "backups", permission: "readwrite" }];
  api.answer = (call, body) =>
    call === "POST /v2/spaces/keys"
      ? [
          201,
          {
            key: { ...body, access_key: "DO00MADE", created_at: "2026-11-30T00:00:00Z", secret_key: "once" },
          },
        ]
      : [200, { key: { name: "k", grants, access_key: "DO00MADE", created_at: "2026-11-30T00:00:00Z" } }];
  const { id, state } = await spacesKey.create({ name: "k", grants }, context);
  expect([id, state.secretKey]).toEqual(["DO00MADE", new Secret("once")]);
  const read = await spacesKey.read?.(id, { name: "k", grants }, state, context);
  expect(read?.state.secretKey).toEqual(new Secret("once"));
});
