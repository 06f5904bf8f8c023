/**
 * The stand-in connector as a Docker image, named and started like the real one: an archive like `docker
 * save`'s, created without Docker. It has Node and its libraries, from this machine, and no shell.
 */
import { execFile, execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  chmodSync,
  copyFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

const PROGRAM = "/usr/local/lib/cloudflared";

/** uid and gid of the real image's user. */
const NONROOT = 65532;

const root = resolve(import.meta.dirname, "../../..");

/** Libraries that a program is linked with, and its loader. */
function libraries(program: string): string[] {
  const text = execFileSync("ldd", [program], { encoding: "utf8" });
  return [...text.matchAll(/(?:=> )?(\/\S+) \(0x/g)].map((match) => match[1] ?? "");
}

/** Writes the image's files below `directory`. */
function layOut(directory: string, ca: string): void {
  const at = (path: string) => {
    mkdirSync(dirname(join(directory, path)), { recursive: true });
    return join(directory, path);
  };
  const node = realpathSync(process.execPath);
  copyFileSync(node, at(`${PROGRAM}/node`));
  chmodSync(at(`${PROGRAM}/node`), 0o755);
  for (const library of libraries(node)) copyFileSync(realpathSync(library), at(library));
  cpSync(join(import.meta.dirname, "connector"), at(`${PROGRAM}/connector`), { recursive: true });
  for (const name of ["jose", "ws"]) {
    const from = join(root, "node_modules", name);
    cpSync(from, at(`${PROGRAM}/node_modules/${name}`), { recursive: true });
  }
  writeFileSync(at(`${PROGRAM}/package.json`), '{ "type": "module" }\n');
  // Started by the kernel, as there is no shell. A package.json next to it makes the file without a suffix a
  // module.
  writeFileSync(at(`${PROGRAM}/bin/cloudflared`), `#!${PROGRAM}/node\nimport "../connector/main.ts";\n`);
  chmodSync(at(`${PROGRAM}/bin/cloudflared`), 0o755);
  symlinkSync(`${PROGRAM}/bin/cloudflared`, at("/usr/local/bin/cloudflared"));
  writeFileSync(at("/etc/ssl/certs/ca-certificates.crt"), ca);
  writeFileSync(at("/etc/nsswitch.conf"), "hosts: files dns\n");
  writeFileSync(
    at("/etc/passwd"),
    `root:x:0:0::/root:/sbin/nologin\nnonroot:x:${NONROOT}:${NONROOT}::/home/nonroot:/sbin/nologin\n`,
  );
  writeFileSync(at("/etc/group"), `root:x:0:\nnonroot:x:${NONROOT}:\n`);
  mkdirSync(at("/home/nonroot"));
  mkdirSync(at("/tmp"), { mode: 0o1777 });
}

const config = (layer: string) => ({
  architecture: process.arch === "arm64" ? "arm64" : "amd64",
  os: "linux",
  created: "1970-01-01T00:00:00Z",
  config: {
    User: `${NONROOT}:${NONROOT}`,
    Env: ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],
    Entrypoint: ["cloudflared", "--no-autoupdate"],
    Cmd: ["version"],
    WorkingDir: "/home/nonroot",
    Labels: { "org.opencontainers.image.description": "stand-in for cloudflared, for tests" },
  },
  rootfs: { type: "layers", diff_ids: [`sha256:${layer}`] },
  history: [{ created: "1970-01-01T00:00:00Z", created_by: "stand-in for Cloudflare" }],
});

/** The image's archive, in a new temporary directory; the caller removes it. */
export async function connectorImage(tag: string, ca: string): Promise<{ archive: string }> {
  const directory = mkdtempSync(join(tmpdir(), "cloudflared-image-"));
  const files = join(directory, "files");
  mkdirSync(files);
  layOut(files, ca);
  const image = join(directory, "image");
  mkdirSync(image);
  await run("tar", [
    "-C",
    files,
    "--numeric-owner",
    "--owner=0",
    "--group=0",
    "-cf",
    join(image, "layer.tar"),
    ".",
  ]);
  rmSync(files, { recursive: true });
  const digest = (data: string | Buffer) => createHash("sha256").update(data).digest("hex");
  const text = JSON.stringify(config(digest(readFileSync(join(image, "layer.tar")))));
  const name = `${digest(text)}.json`;
  writeFileSync(join(image, name), text);
  const manifest = [{ Config: name, RepoTags: [`cloudflare/cloudflared:${tag}`], Layers: ["layer.tar"] }];
  writeFileSync(join(image, "manifest.json"), JSON.stringify(manifest));
  const archive = join(directory, "cloudflared.tar");
  await run("tar", ["-C", image, "-cf", archive, "."]);
  rmSync(image, { recursive: true });
  return { archive };
}
