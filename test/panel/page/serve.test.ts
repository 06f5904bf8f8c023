import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { brotliDecompressSync, gunzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { accepts, buildPage, makePage } from "../../../panel/page/serve.ts";

const folder = join(import.meta.dirname, "../../../panel/page");
const built = buildPage();
const page = makePage(built);
const get = (path: string, headers: Record<string, string> = {}) => page.request(path, { headers });
const modules = [...built.assets.values()].filter(({ name }) => name.endsWith(".ts"));
const sources = readdirSync(folder).filter((name) => name.endsWith(".ts") && name !== "serve.ts");

describe("the page as served", () => {
  it("is less than 60 kB with all assets", () => {
    const files = [built.document, ...built.assets.values()];
    const weight = (encoding: "br" | "gzip") => files.reduce((sum, file) => sum + file[encoding].length, 0);
    expect(weight("br")).toBeLessThan(60_000);
    expect(weight("gzip")).toBeLessThan(60_000);
  });

  it("has a policy without other origins or inline code", async () => {
    const policy = (await get("/")).headers.get("content-security-policy") ?? "";
    for (const part of [
      "default-src 'none'",
      "script-src 'self'",
      "form-action 'none'",
      "frame-ancestors 'none'",
    ]) {
      expect(policy.split("; ")).toContain(part);
    }
    expect(policy).not.toMatch(/unsafe|https?:|\*/);
  });

  it("loads only its own files, which all exist", async () => {
    const html = built.document.plain.toString();
    const addresses = [...html.matchAll(/(?:href|src)="([^"]*)"/g)].map(([, address]) => address ?? "");
    expect(
      addresses.filter((address) => !address.startsWith("/assets/") && !address.startsWith("#")),
    ).toEqual([]);
    for (const address of addresses.filter((one) => one.startsWith("/assets/"))) {
      expect((await get(address)).status, address).toBe(200);
    }
    expect(html).not.toMatch(/\sstyle=|\son\w+=|\{\{/);
  });

  it("preloads every module but what few people open, which it has too", () => {
    const html = built.document.plain.toString();
    expect(modules.length).toBeGreaterThan(10);
    const later = modules.filter(({ name }) => !html.includes(`/assets/${built.folder}/${name}"`));
    expect(later.map(({ name }) => name)).toEqual([
      "ask.ts",
      "backups-api.ts",
      "backups.ts",
      "history.ts",
      "rollback.ts",
    ]);
  });

  it.each(["br", "gzip"])("is the same when compressed with %s", async (encoding) => {
    const path = `/assets/${built.folder}/main.ts`;
    const answer = await get(path, { "accept-encoding": encoding });
    expect(answer.headers.get("content-encoding")).toBe(encoding);
    expect(answer.headers.get("vary")).toBe("Accept-Encoding");
    const bytes = Buffer.from(await answer.arrayBuffer());
    const unpacked = encoding === "br" ? brotliDecompressSync(bytes) : gunzipSync(bytes);
    expect(unpacked.toString()).toBe(await (await get(path)).text());
  });

  it("has immutable assets, and a document that is revalidated", async () => {
    const file = await get(`/assets/${built.folder}/base.css`);
    expect(file.headers.get("cache-control")).toContain("immutable");
    const document = await get("/");
    expect(document.headers.get("cache-control")).toBe("no-cache");
    const again = await get("/", { "if-none-match": `W/${document.headers.get("etag")}` });
    expect([again.status, await again.text()]).toEqual([304, ""]);
    expect(again.headers.get("content-security-policy")).toBeTruthy();
  });

  it.each([
    "/assets/other/main.ts",
    `/assets/${built.folder}/serve.ts`,
    `/assets/${built.folder}/model.ts`,
    `/assets/${built.folder}/..%2Fserve.ts`,
    `/assets/${built.folder}/tsconfig.json`,
    `/assets/${built.folder}/constructor`,
  ])("has no %s", async (path) => expect((await get(path)).status).toBe(404));
});

it("parses Accept-Encoding", () => {
  expect(accepts("gzip, deflate, br", "br")).toBe(true);
  expect(accepts("gzip;q=1.0, br;q=0", "br")).toBe(false);
  expect(accepts("x-br", "br")).toBe(false);
  expect(accepts(undefined, "gzip")).toBe(false);
});

describe("the modules", () => {
  it("have no types, and import only each other", () => {
    for (const { name, plain } of modules) {
      const imports = [...plain.toString().matchAll(/^(?:im|ex)port\b[^;]*?from\s+"([^"]+)"/gm)];
      for (const [, from] of imports)
        expect(built.assets.has(from?.slice(2) ?? ""), `${name}: ${from}`).toBe(true);
      expect(plain.toString()).not.toMatch(/^import type|^interface |^export interface /m);
    }
  });

  it.each(sources)("%s never turns text into markup or code", (name) => {
    const text = readFileSync(join(folder, name), "utf8");
    expect(text).not.toMatch(
      /innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|srcdoc/,
    );
  });
});
