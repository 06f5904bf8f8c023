/** Serves the panel's page: modules with stripped types, compressed once, with a strict content security policy. */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { stripTypeScriptTypes } from "node:module";
import { extname, join } from "node:path";
import { brotliCompressSync, gzipSync } from "node:zlib";
import { type Context, Hono } from "hono";

/** No other origins, no inline code, no framing, and no strings as markup or code. */
export const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "img-src 'self' data:",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "base-uri 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join("; ");

/** Headers of assets only: the document's headers on forty of them would add a third to the page's size. */
const FILE = {
  "Cache-Control": "public, max-age=31536000, immutable",
  "Cross-Origin-Resource-Policy": "same-origin",
  "X-Content-Type-Options": "nosniff",
  Vary: "Accept-Encoding",
};

const DOCUMENT = {
  ...FILE,
  "Cache-Control": "no-cache",
  "Content-Security-Policy": CONTENT_SECURITY_POLICY,
  "Cross-Origin-Opener-Policy": "same-origin",
  "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
  "Referrer-Policy": "no-referrer",
};

const TYPES: Record<string, string> = {
  ".ts": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
  ".html": "text/html; charset=utf-8",
};

/** A file in all encodings. */
export interface Asset {
  readonly name: string;
  readonly type: string;
  readonly etag: string;
  readonly plain: Buffer;
  readonly gzip: Buffer;
  readonly br: Buffer;
}

/** The built page: the document and its assets, in a folder named by their hash. */
export interface BuiltPage {
  readonly document: Asset;
  readonly assets: ReadonlyMap<string, Asset>;
  readonly folder: string;
}

const hashOf = (content: string | Buffer): string =>
  createHash("sha256").update(content).digest("base64url").slice(0, 22);

function asset(name: string, text: string): Asset {
  const plain = Buffer.from(text);
  return {
    name,
    type: TYPES[extname(name)] ?? "application/octet-stream",
    etag: hashOf(plain),
    plain,
    gzip: gzipSync(plain, { level: 9 }),
    br: brotliCompressSync(plain),
  };
}

/** A file for the browser. Types become spaces, so that lines and columns match the source. */
const compiled = (name: string, text: string): string =>
  name.endsWith(".ts") ? stripTypeScriptTypes(text) : text;

/** Modules that some others load when somebody needs them. */
const loadedLater = (names: readonly string[], texts: ReadonlyMap<string, string>): string[] =>
  names.flatMap((name) =>
    [...(texts.get(name) ?? "").matchAll(/\bimport\("\.\/([\w-]+\.ts)"\)/g)].map(([, other = ""]) => other),
  );

/** The given modules and all that they import, transitively. */
function loadedBy(names: readonly string[], texts: ReadonlyMap<string, string>): string[] {
  const loaded = new Set(names);
  for (const name of loaded) {
    for (const [, other] of (texts.get(name) ?? "").matchAll(/^(?:im|ex)port\b[^;]*?"\.\/([\w-]+\.ts)"/gm)) {
      if (other) loaded.add(other);
    }
  }
  return [...loaded];
}

/**
 * Builds the page from a folder: modules, styles, icon, and index.html with its `{{folder}}`, and `{{modules}}` as preloads of all
 * modules but those that are loaded later.
 */
export function buildPage(from: string = import.meta.dirname): BuiltPage {
  const read = (name: string) => readFileSync(join(from, name), "utf8");
  const sources = readdirSync(from).filter((name) => /\.(ts|css|svg)$/.test(name) && name !== "serve.ts");
  const texts = new Map(sources.map((name) => [name, compiled(name, read(name))]));
  const modules = loadedBy(["main.ts"], texts);
  const others = sources.filter((name) => !name.endsWith(".ts") || name.endsWith("-start.ts"));
  const later = loadedBy(loadedLater(modules, texts), texts).filter((name) => !modules.includes(name));
  const assets = [...modules, ...later, ...others].sort().map((name) => asset(name, texts.get(name) ?? ""));
  const folder = hashOf(assets.map(({ name, etag }) => `${name} ${etag}`).join("\n"));
  const preloads = modules.map((name) => `<link rel="modulepreload" href="/assets/${folder}/${name}">`);
  const document = read("index.html")
    .replaceAll("{{folder}}", `/assets/${folder}`)
    .replace("{{modules}}", preloads.join("\n    "));
  return {
    document: asset("index.html", document),
    assets: new Map(assets.map((file) => [file.name, file])),
    folder,
  };
}

/** Whether an Accept-Encoding header accepts an encoding. */
export function accepts(header: string | undefined, encoding: string): boolean {
  return (header ?? "").split(",").some((part) => {
    const [name, ...parameters] = part.trim().split(/\s*;\s*/);
    return name === encoding && !parameters.some((parameter) => /^q=0(\.0*)?$/.test(parameter));
  });
}

function send(context: Context, file: Asset, always: Record<string, string>): Response {
  const accepted = context.req.header("accept-encoding");
  const encoding = (["br", "gzip"] as const).find((name) => accepts(accepted, name));
  const etag = `"${file.etag}${encoding ? `-${encoding}` : ""}"`;
  const headers = { ...always, ETag: etag };
  const known = (context.req.header("if-none-match") ?? "").split(/\s*,\s*/);
  if (known.some((tag) => tag.replace(/^W\//, "") === etag)) return context.body(null, 304, headers);
  return context.body(new Uint8Array(file[encoding ?? "plain"]), 200, {
    ...headers,
    "Content-Type": file.type,
    ...(encoding ? { "Content-Encoding": encoding } : {}),
  });
}

/**
 * The page's routes: `/`, and `/assets/…`, cached for a year since a change changes its URL.
 * Unknown paths fall through to the app.
 */
export function makePage(built: BuiltPage = buildPage()): Hono {
  return new Hono()
    .get("/", (context) => send(context, built.document, DOCUMENT))
    .get("/assets/:folder/:name", (context, next) => {
      const file = built.assets.get(context.req.param("name"));
      if (!file || context.req.param("folder") !== built.folder) return next();
      return Promise.resolve(send(context, file, FILE));
    });
}
