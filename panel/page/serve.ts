/** Serves the panel's page: its modules with their types stripped, everything compressed once, under a strict policy. */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { stripTypeScriptTypes } from "node:module";
import { extname, join } from "node:path";
import { brotliCompressSync, gzipSync } from "node:zlib";
import { type Context, Hono } from "hono";

/** Nothing of another origin, nothing inline, no frame around it, and no string becomes markup or code. */
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

/** What every file says, and no more: with the document's headers on forty of them the page would weigh a third more. */
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

/** One file as sent: the bytes of each encoding a browser may ask for. */
export interface Asset {
  readonly name: string;
  readonly type: string;
  readonly etag: string;
  readonly plain: Buffer;
  readonly gzip: Buffer;
  readonly br: Buffer;
}

/** The page as built: the document, and what it loads, under a folder named by the hash of all of it. */
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

/** A file as the browser gets it. Types become spaces, so that an error's line and column are those of the source. */
const compiled = (name: string, text: string): string =>
  name.endsWith(".ts") ? stripTypeScriptTypes(text) : text;

/** The modules that some others load, with those that these load in turn. */
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
 * Builds the page from a folder's files: modules, style and icon, and index.html with `{{folder}}` where that stands and
 * `{{modules}}` where the browser is told of all modules at once, so that it asks for none of them late.
 */
export function buildPage(from: string = import.meta.dirname): BuiltPage {
  const read = (name: string) => readFileSync(join(from, name), "utf8");
  const sources = readdirSync(from).filter((name) => /\.(ts|css|svg)$/.test(name) && name !== "serve.ts");
  const texts = new Map(sources.map((name) => [name, compiled(name, read(name))]));
  const modules = loadedBy(["main.ts"], texts);
  const others = sources.filter((name) => !name.endsWith(".ts") || name.endsWith("-start.ts"));
  const assets = [...modules, ...others].sort().map((name) => asset(name, texts.get(name) ?? ""));
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

/** Whether an Accept-Encoding header takes an encoding. */
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
 * The page's routes: `/`, and `/assets/…`, which a browser keeps for a year since a change changes its address.
 * What is not there is left to the app this is part of.
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
