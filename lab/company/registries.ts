/**
 * Stand-ins for private registries: npm's, with a package of one file, and PyPI's simple index, with a wheel. Both respond with 401 without their
 * credentials and with 404 for any other package, as real ones do.
 *
 * Not covered: publishing, searches, security audits, other versions, PyPI's JSON API.
 */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Listening, listen } from "../clouds/http.ts";

export interface RegistryStandIn extends Listening {
  /** Paths that were asked for, with the status. */
  readonly requests: readonly string[];
}

/** Serves `GET /npm/own-npm` and its archive, and `GET /simple/own-py/` and its wheel. */
export async function startRegistries(options: {
  /** As a client sees it, without a final slash. */
  readonly url: string;
  /** Whole `authorization` headers. Default: none is asked for. */
  readonly npm?: string;
  readonly pypi?: string;
}): Promise<RegistryStandIn> {
  const requests: string[] = [];
  const files = makeFiles(options.url);
  const server = createServer((request, response) => {
    const path = (request.url ?? "").replace(/\?.*/, "");
    const wanted = path.startsWith("/npm/") ? options.npm : options.pypi;
    const respond = (status: number, body: string | Buffer = "", type = "text/plain") => {
      requests.push(`${status} ${path}`);
      send(response, status, body, type);
    };
    if (wanted !== undefined && request.headers.authorization !== wanted) {
      response.setHeader("www-authenticate", 'Basic realm="registry"');
      respond(401);
      return;
    }
    const file = files.get(path);
    if (file) respond(200, file.body, file.type);
    else respond(404);
  });
  return { ...(await listen(server, { host: "127.0.0.1" })), requests };
}

const send = (response: ServerResponse, status: number, body: string | Buffer, type: string): void =>
  void response.writeHead(status, { "content-type": type }).end(body);

function makeFiles(url: string): Map<string, { readonly body: string | Buffer; readonly type: string }> {
  const archive = npmArchive();
  const wheel = pythonWheel();
  const name = "own_py-1.0-py3-none-any.whl";
  const dist = {
    tarball: `${url}/npm/own-npm/-/own-npm-1.0.0.tgz`,
    integrity: `sha512-${createHash("sha512").update(archive).digest("base64")}`,
  };
  const version = { name: "own-npm", version: "1.0.0", dist };
  const document = { name: "own-npm", "dist-tags": { latest: "1.0.0" }, versions: { "1.0.0": version } };
  const digest = createHash("sha256").update(wheel).digest("hex");
  return new Map([
    ["/npm/own-npm", { body: JSON.stringify(document), type: "application/json" }],
    ["/npm/own-npm/-/own-npm-1.0.0.tgz", { body: archive, type: "application/octet-stream" }],
    [
      "/simple/own-py/",
      { body: `<a href="${url}/files/${name}#sha256=${digest}">${name}</a>`, type: "text/html" },
    ],
    [`/files/${name}`, { body: wheel, type: "application/octet-stream" }],
  ]);
}

function inFolder<T>(work: (folder: string) => T): T {
  const folder = mkdtempSync(join(tmpdir(), "registry-"));
  try {
    return work(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const npmArchive = (): Buffer =>
  inFolder((folder) => {
    mkdirSync(join(folder, "package"));
    writeFileSync(join(folder, "package/package.json"), '{"name":"own-npm","version":"1.0.0"}');
    writeFileSync(join(folder, "package/index.js"), 'module.exports = "own npm";\n');
    execFileSync("tar", ["-czf", join(folder, "a.tgz"), "-C", folder, "package"]);
    return readFileSync(join(folder, "a.tgz"));
  });

/** Python's own zip module writes it: the machine has it wherever git's tests run. */
const pythonWheel = (): Buffer =>
  inFolder((folder) => {
    const info = "own_py-1.0.dist-info";
    mkdirSync(join(folder, info));
    writeFileSync(join(folder, "own_py.py"), 'NAME = "own py"\n');
    writeFileSync(join(folder, info, "METADATA"), "Metadata-Version: 2.1\nName: own-py\nVersion: 1.0\n");
    writeFileSync(
      join(folder, info, "WHEEL"),
      "Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    );
    writeFileSync(
      join(folder, info, "RECORD"),
      `own_py.py,,\n${info}/METADATA,,\n${info}/WHEEL,,\n${info}/RECORD,,\n`,
    );
    execFileSync("python3", ["-m", "zipfile", "-c", "own.whl", "own_py.py", info], { cwd: folder });
    return readFileSync(join(folder, "own.whl"));
  });
