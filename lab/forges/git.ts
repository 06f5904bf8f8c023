/**
 * Git servers for the tests, serving repositories that the test creates: over HTTP with `git http-backend`,
 * and over SSH with `git upload-pack` (ssh-server.ts).
 *
 * A private repository requires a token as the password of basic auth and responds with 401 without it, like
 * real hosts; a missing repository with 404. `fail` makes every request respond with 503 until `heal`, and `interruptAfter`
 * ends answers in the middle, as a bad connection does. Large files are served by LFS's batch API with its basic transfer, which
 * asks for the same token.
 *
 * Pushes are rejected, but to repositories in `pushable`, with the token.
 *
 * Not covered: hosts' rate limits, redirects, LFS's locks, uploads and other transfers, TLS.
 */
import { execFileSync, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { dirname, join } from "node:path";
import { json } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";
import { type Listening, listen } from "../clouds/http.ts";

/** A commit: its branch, and the files it writes. */
export interface Commit {
  readonly branch?: string;
  readonly files: Readonly<Record<string, string | Buffer>>;
  /** By path: the address in .gitmodules, and the commit. */
  readonly submodules?: Readonly<Record<string, { readonly url: string; readonly commit: string }>>;
}

/** A directory of bare repositories, which both servers can serve. */
export interface Repositories {
  readonly root: string;
  /** Creates `<name>.git` with these commits; its default branch is `main`. */
  add(name: string, commits: readonly Commit[]): void;
  /** The newest commit of a repository's default branch. */
  head(name: string): string;
}

export interface GitRequest {
  readonly path: string;
  readonly authorization: string | undefined;
  readonly status: number;
}

export interface GitServer extends Listening {
  readonly requests: readonly GitRequest[];
  /** Makes every following request respond with 503. */
  fail(): void;
  heal(): void;
  /** Ends each answer after that many bytes from now on; none if undefined. */
  interruptAfter(bytes: number | undefined): void;
  /** Gives a large file to the server, or takes all away. Until then, no large file is found. */
  addLarge(content: string): void;
  removeLarge(): void;
}

/** What git has of a large file: its pointer, by LFS's specification. */
export const pointerTo = (content: string): string =>
  `version https://git-lfs.github.com/spec/v1\noid sha256:${sha256(content)}\nsize ${Buffer.byteLength(content)}\n`;

const sha256 = (content: string): string => createHash("sha256").update(content).digest("hex");

/** Manages bare repositories in the caller's directory. */
export function makeRepositories(root: string): Repositories {
  return {
    root,
    add: (name, commits) => addRepository(root, name, commits),
    head: (name) =>
      execFileSync("git", ["-C", join(root, `${name}.git`), "rev-parse", "HEAD"], {
        encoding: "utf8",
      }).trim(),
  };
}

function addRepository(root: string, name: string, commits: readonly Commit[]): void {
  const bare = join(root, `${name}.git`);
  const work = join(root, `${name}.work`);
  mkdirSync(work);
  const git = (...args: string[]) =>
    execFileSync("git", ["-c", "user.name=Test", "-c", "user.email=test@example.com", ...args], {
      cwd: work,
      stdio: ["ignore", "ignore", "pipe"],
      env: { ...process.env, GIT_CONFIG_GLOBAL: "/dev/null", GIT_CONFIG_NOSYSTEM: "1" },
    });
  git("init", "--quiet", "--initial-branch=main");
  for (const [index, { branch = "main", files, submodules = {} }] of commits.entries()) {
    if (index > 0)
      git("switch", "--quiet", "--force-create", branch, ...start(branch, commits.slice(0, index)));
    for (const [path, content] of Object.entries(files)) {
      mkdirSync(dirname(join(work, path)), { recursive: true });
      writeFileSync(join(work, path), content);
    }
    const modules = Object.entries(submodules);
    const text = modules.map(
      ([path, { url }]) => `[submodule "${path}"]\n\tpath = ${path}\n\turl = ${url}\n`,
    );
    if (modules.length > 0) writeFileSync(join(work, ".gitmodules"), text.join(""));
    git("add", "--all");
    for (const [path, { commit }] of modules)
      git("update-index", "--add", "--cacheinfo", `160000,${commit},${path}`);
    git("commit", "--quiet", "--message", `Commit ${index + 1}`);
  }
  git("clone", "--quiet", "--bare", work, bare);
  execFileSync("git", ["-C", bare, "symbolic-ref", "HEAD", "refs/heads/main"]);
  rmSync(work, { recursive: true });
}

/** A branch's parent commit: its own end, or main's if it is new. */
function start(branch: string, before: readonly Commit[]): string[] {
  return before.some((commit) => (commit.branch ?? "main") === branch) ? [branch] : ["main"];
}

/**
 * Serves the repositories over HTTP; those in `tokens` require their token. Port and host as for `listen`.
 */
export async function startGit(
  repositories: Repositories,
  options: {
    tokens?: Readonly<Record<string, string>>;
    pushable?: readonly string[];
    host?: string;
    port?: number;
  } = {},
): Promise<GitServer> {
  const requests: GitRequest[] = [];
  const large = new Map<string, string>();
  let failing = false;
  let most: number | undefined;
  const server = createServer((request, response) => {
    response.once("close", () => {
      const { authorization } = request.headers;
      requests.push({ path: request.url ?? "", authorization, status: response.statusCode });
    });
    const refusal = failing ? 503 : refuse(request, options.tokens ?? {}, options.pushable ?? []);
    if (refusal === undefined) {
      if (most !== undefined) interrupt(response, most);
      if (/^\/[\w-]+\.git\/info\/lfs\//.test(request.url ?? "")) {
        serveLarge(large, request, response).catch((error: unknown) => response.destroy(error as Error));
        return;
      }
      serveGit(repositories.root, request, response).catch((error: unknown) =>
        response.destroy(error as Error),
      );
      return;
    }
    if (refusal === 401) response.setHeader("www-authenticate", 'Basic realm="Git"');
    response.writeHead(refusal).end(refusal === 503 ? "the stand-in is set to fail\n" : "");
  });
  const listening = await listen(server, options);
  return {
    ...listening,
    requests,
    fail: () => {
      failing = true;
    },
    heal: () => {
      failing = false;
    },
    interruptAfter: (bytes) => {
      most = bytes;
    },
    addLarge: (content) => void large.set(sha256(content), content),
    removeLarge: () => large.clear(),
  };
}

/** Breaks the connection of an answer once it has as many bytes. */
function interrupt(response: ServerResponse, most: number): void {
  let sent = 0;
  const write = response.write.bind(response) as (chunk: Buffer) => boolean;
  response.write = (chunk: Buffer) => {
    const room = most - sent;
    sent += chunk.length;
    if (chunk.length <= room) return write(chunk);
    if (room > 0) write(chunk.subarray(0, room));
    setTimeout(() => response.destroy(), 20);
    return false;
  };
}

/** A batch request, or the content that its answer leads to. */
async function serveLarge(
  large: ReadonlyMap<string, string>,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const base = `http://${request.headers.host}${request.url?.replace(/\/info\/lfs\/.*$/, "/info/lfs")}`;
  const oid = /\/info\/lfs\/content\/(\w+)$/.exec(request.url ?? "")?.[1];
  if (oid !== undefined) {
    const content = large.get(oid);
    response.writeHead(content === undefined ? 404 : 200).end(content);
    return;
  }
  if (request.method !== "POST" || !request.url?.endsWith("/objects/batch")) {
    response.writeHead(404).end();
    return;
  }
  const { objects } = (await json(request)) as { objects: { oid: string; size: number }[] };
  const found = objects.map(({ oid, size }) => {
    const isThere = large.has(oid);
    const href = `${base}/content/${oid}`;
    return {
      oid,
      size,
      ...(isThere ? { actions: { download: { href } } } : { error: { code: 404, message: "not found" } }),
    };
  });
  response.writeHead(200, { "content-type": "application/vnd.git-lfs+json" });
  response.end(JSON.stringify({ transfer: "basic", objects: found }));
}

function refuse(
  request: IncomingMessage,
  tokens: Readonly<Record<string, string>>,
  pushable: readonly string[],
): number | undefined {
  const url = new URL(request.url ?? "/", "http://git");
  const name = /^\/([\w-]+)\.git\//.exec(url.pathname)?.[1];
  const isPush = url.pathname.includes("git-receive-pack") || url.search.includes("git-receive-pack");
  if (isPush && !(name && pushable.includes(name))) return 403;
  if (!name) return 404;
  const token = tokens[name];
  if (token === undefined) return undefined;
  const [scheme, credentials = ""] = (request.headers.authorization ?? "").split(" ");
  const password = Buffer.from(credentials, "base64").toString("utf8").split(":").slice(1).join(":");
  return scheme === "Basic" && password === token ? undefined : 401;
}

/** Runs `git http-backend` as a CGI program. */
async function serveGit(root: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = new URL(request.url ?? "/", "http://git");
  const child = spawn("git", ["http-backend"], {
    stdio: ["pipe", "pipe", "ignore"],
    env: {
      PATH: process.env.PATH,
      GIT_PROJECT_ROOT: root,
      GIT_HTTP_EXPORT_ALL: "1",
      GIT_CONFIG_COUNT: "2",
      GIT_CONFIG_KEY_0: "safe.directory",
      GIT_CONFIG_VALUE_0: "*",
      // What may not be pushed to was refused before.
      GIT_CONFIG_KEY_1: "http.receivepack",
      GIT_CONFIG_VALUE_1: "true",
      PATH_INFO: url.pathname,
      QUERY_STRING: url.search.slice(1),
      REQUEST_METHOD: request.method,
      CONTENT_TYPE: request.headers["content-type"],
      GIT_PROTOCOL: [request.headers["git-protocol"]].flat()[0],
    },
  });
  const body = request.headers["content-encoding"] === "gzip" ? request.pipe(createGunzip()) : request;
  // The program may respond without reading all of its input.
  pipeline(body, child.stdin).catch(() => undefined);
  let head = Buffer.alloc(0);
  for await (const part of child.stdout) {
    if (response.headersSent) {
      response.write(part);
      continue;
    }
    head = Buffer.concat([head, part as Buffer]);
    const end = head.indexOf("\r\n\r\n");
    if (end < 0) continue;
    writeHead(response, head.subarray(0, end).toString("latin1"));
    response.write(head.subarray(end + 4));
  }
  response.end();
}

function writeHead(response: ServerResponse, text: string): void {
  const headers = text.split("\r\n").map((line) => line.split(/:\s*/, 2) as [string, string]);
  const status = headers.find(([name]) => name.toLowerCase() === "status")?.[1];
  response.writeHead(
    status ? Number.parseInt(status, 10) : 200,
    Object.fromEntries(headers.filter(([name]) => name.toLowerCase() !== "status")),
  );
}
