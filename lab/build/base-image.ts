import { cpSync, mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { BASE_IMAGE, DEBIAN, IMAGE_NODE, IMAGE_NPM } from "../../config/versions.ts";
import { mustExec } from "../../toolchain/lib/exec.ts";
import type { Context } from "../../toolchain/part.ts";
import { baseImagePart } from "../../toolchain/parts/base-image.ts";
import { SYSTEM_CERTIFICATES } from "./lib/debian.ts";
import { makeDebianRoot } from "./lib/debian-root.ts";
import { makeImage } from "./lib/image.ts";

/** Builds the pinned base image, with Debian from its packages and Node from the npm registry. */
export async function buildBaseImage(context: Context): Promise<string> {
  const way = await makeImage(
    {
      image: BASE_IMAGE,
      archive: `${BASE_IMAGE.replace(":", "-")}.tar`,
      version: `${IMAGE_NODE}-${IMAGE_NPM}-3`,
      origin: "debootstrap",
      changes: [
        "ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        `ENV NODE_VERSION=${IMAGE_NODE}`,
        `ENV NODE_EXTRA_CA_CERTS=${SYSTEM_CERTIFICATES}`,
        'CMD ["node"]',
      ],
      fill,
    },
    context,
  );
  return way || "made with debootstrap and npm";
}

/** A minimal Debian, with Node and npm where the official image has them. */
async function fill(root: string, context: Context): Promise<void> {
  const { remedy } = baseImagePart();
  await makeDebianRoot(root, { image: BASE_IMAGE, remedy, release: DEBIAN, progress: context.progress });
  await mustExec("chroot", [root, "groupadd", "--gid", "1000", "node"]);
  const user = ["--uid", "1000", "--gid", "node", "--shell", "/bin/bash", "--create-home", "node"];
  await mustExec("chroot", [root, "useradd", ...user]);
  await addNode(root, context);
}

/** Node and npm from the npm registry's own packages. */
async function addNode(root: string, context: Context): Promise<void> {
  context.progress(`fetching Node ${IMAGE_NODE}`);
  const node = await npmPackage(`node-linux-${process.arch}@${IMAGE_NODE}`, context);
  const npm = await npmPackage(`npm@${IMAGE_NPM}`, context);
  const modules = join(root, "usr/local/lib/node_modules");
  mkdirSync(modules, { recursive: true });
  cpSync(join(node, "bin/node"), join(root, "usr/local/bin/node"));
  cpSync(npm, join(modules, "npm"), { recursive: true });
  for (const name of ["npm", "npx"]) {
    symlinkSync(`../lib/node_modules/npm/bin/${name}-cli.js`, join(root, "usr/local/bin", name));
  }
  await mustExec("chmod", ["755", join(root, "usr/local/bin/node")]);
  await mustExec("chown", ["-R", "0:0", join(root, "usr/local")]);
  await mustExec("chmod", ["-R", "u=rwX,go=rX", join(root, "usr/local/lib/node_modules")]);
}

/** Unpacks a package of the npm registry into its own directory; npm verifies the checksum. */
async function npmPackage(spec: string, context: Context): Promise<string> {
  const folder = join(context.scratch, spec.replace(/[@/]/g, "-"));
  mkdirSync(folder);
  const output = await mustExec("npm", ["pack", "--silent", "--pack-destination", folder, spec], {
    cwd: context.scratch,
    timeoutMs: 300_000,
  });
  const archive = output.trim().split("\n").pop() ?? "";
  await mustExec("tar", ["-xzf", join(folder, archive), "-C", folder, "--no-same-owner"]);
  return join(folder, "package");
}
