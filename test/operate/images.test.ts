/** A registry's API, as OCI's distribution specification describes it, behind a login for anybody. */
import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { type Listening, listen } from "../../lab/clouds/http.ts";
import { digestLines, PINNED_IMAGES, withDigests } from "../../operate/versions/images.ts";

const DIGEST = `sha256:${"a".repeat(64)}`;
const MANIFEST = JSON.stringify({ schemaVersion: 2, mediaType: "application/vnd.oci.image.index.v1+json" });
const TOKEN = "a token for anybody";

let registry: Listening;
let hub = "";
const asked: string[] = [];
/** An image whose line is too long. */
const LONG = "cloudflare/cloudflared:2026.10.12";
/** What is odd about the next answers. */
let odd: { status?: number; header?: string | undefined; noDigest?: boolean; token?: object } = {};

beforeAll(async () => {
  registry = await listen(createServer(answer), { host: "127.0.0.1" });
  hub = `http://127.0.0.1:${registry.port}`;
});
afterAll(() => registry.close());
beforeEach(() => {
  asked.length = 0;
  odd = {};
});

function answer(request: IncomingMessage, response: ServerResponse): void {
  const url = new URL(request.url ?? "", hub);
  asked.push(`${request.method} ${url.pathname}${url.search}`);
  if (url.pathname === "/token") {
    response.writeHead(200, { "content-type": "application/json" });
    response.end(JSON.stringify(odd.token ?? { token: TOKEN, expires_in: 300 }));
    return;
  }
  const [, repository = "", tag = ""] = /^\/v2\/(.+)\/manifests\/(.+)$/.exec(url.pathname) ?? [];
  if (request.headers.authorization !== `Bearer ${TOKEN}`) {
    const scope = `repository:${repository}:pull`;
    const challenge = `Bearer realm="${hub}/token",service="registry.test",scope="${scope}"`;
    response.writeHead(401, { "www-authenticate": odd.header ?? challenge }).end();
    return;
  }
  const isIndex = String(request.headers.accept).startsWith("application/vnd.oci.image.index.v1+json");
  const isThere = isIndex && ["library/traefik:v1.2.3", LONG].includes(`${repository}:${tag}`);
  const status = odd.status ?? (isThere ? 200 : 404);
  response.writeHead(status, {
    "content-type": "application/vnd.oci.image.index.v1+json",
    ...(odd.noDigest ? {} : { "docker-content-digest": DIGEST }),
    ...(status === 429 ? { "retry-after": "21600" } : {}),
  });
  response.end(request.method === "HEAD" ? undefined : MANIFEST);
}

const digests = (...images: string[]) => digestLines(images, hub);

it("asks for the index's digest, with a token from where the refusal sends", async () => {
  expect(await digests("traefik:v1.2.3")).toEqual([
    "export const IMAGE_DIGESTS: Readonly<Record<string, string>> = {",
    `  "traefik:v1.2.3": "${DIGEST}",`,
    "};",
  ]);
  expect(asked).toEqual([
    "HEAD /v2/library/traefik/manifests/v1.2.3",
    "GET /token?service=registry.test&scope=repository%3Alibrary%2Ftraefik%3Apull",
    "HEAD /v2/library/traefik/manifests/v1.2.3",
  ]);
  odd = { token: { access_token: TOKEN } };
  expect(await digests("traefik:v1.2.3")).toHaveLength(3);
});

it("breaks a line where the formatter would", async () => {
  expect((await digests(LONG)).slice(1, -1)).toEqual([`  "${LONG}":`, `    "${DIGEST}",`]);
});

it("takes the hash of the manifest where the header is left out", async () => {
  odd = { noDigest: true };
  const hash = createHash("sha256").update(MANIFEST).digest("hex");
  expect((await digests("traefik:v1.2.3"))[1]).toContain(`"sha256:${hash}"`);
});

it("names the image that is not there, or whose registry is busy, out of order or not for anybody", async () => {
  await expect(digests("traefik:v1.2.3", "cloudflare/cloudflared:1")).rejects.toThrow(
    /^cloudflare\/cloudflared:1: is not at 127\.0\.0\.1/,
  );
  odd = { status: 429 };
  await expect(digests("traefik:v1.2.3")).rejects.toThrow(/too many requests.*21600 s/);
  odd = { status: 503 };
  await expect(digests("traefik:v1.2.3")).rejects.toThrow("answered 503");
  odd = { header: 'Basic realm="x"' };
  await expect(digests("traefik:v1.2.3")).rejects.toThrow("not for anybody");
  odd = { token: {} };
  await expect(digests("traefik:v1.2.3")).rejects.toThrow("answers no token");
  await expect(digestLines(["traefik:v1.2.3"], "http://127.0.0.1:1")).rejects.toThrow("cannot be reached");
});

it("writes the lines where the old ones were, and nothing else", () => {
  const before = `a\nexport const IMAGE_DIGESTS: Readonly<Record<string, string>> = {};\nb\n`;
  const lines = ["export const IMAGE_DIGESTS: Readonly<Record<string, string>> = {", '  "x:$1": "y",', "};"];
  const after = withDigests(before, lines);
  expect(after).toBe(`a\n${lines.join("\n")}\nb\n`);
  expect(withDigests(after, lines)).toBe(after);
  expect(() => withDigests("", lines)).toThrow();
});

it("is about each image of the platform", () => {
  expect(PINNED_IMAGES.map((image) => image.replace(/:.*/, ""))).toEqual([
    "node",
    "traefik",
    "cloudflare/cloudflared",
  ]);
});
