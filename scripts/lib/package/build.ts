/**
 * Builds the folder that npm packs: compiled JavaScript in the sources' layout, without lab, tests and
 * development scripts.
 */
import { cpSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { mustExec } from "../../../toolchain/lib/exec.ts";
import { type Manifest, publishedManifest } from "./manifest.ts";

/**
 * Files that are copied unchanged. The page's modules are served with their types stripped, which works from
 * anywhere.
 */
const COPIED = [
  "LICENSE",
  "README.md",
  "CHANGELOG.md",
  "docs/*.md",
  "Pulumi.yaml",
  "Pulumi.prod.yaml",
  "projects.yaml",
  "projects.schema.json",
  "projects.stack.schema.json",
  "config/opencode-schemas/*.json",
  ".github/workflows/platform.yml",
  ".gitlab-ci.yml",
  "attach/bin.mjs",
  "opencode/{Dockerfile,.dockerignore,install.mjs,build,rootfs}",
  "panel/page/*.{ts,css,html,svg}",
  "scripts/{bin,run}.mjs",
  "scripts/lib/launcher.mjs",
];

/** What of a checkout is in the package as it is. */
export const copiedFiles = (checkout: string): string[] => globSync(COPIED, { cwd: checkout });

/** Builds a checkout's package in its folder `dist`, which is emptied first; returns the folder. */
export async function buildPackage(checkout: string): Promise<string> {
  const folder = join(checkout, "dist");
  rmSync(folder, { recursive: true, force: true });
  const compile = (...args: string[]) =>
    mustExec(join(checkout, "node_modules", ".bin", "tsc"), args, { cwd: checkout });
  await compile("--project", "tsconfig.build.json");
  await compile("--project", "attach", "--outDir", join(folder, "attach", "dist"));
  for (const path of copiedFiles(checkout)) {
    if (path === join("panel", "page", "serve.ts")) continue;
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    cpSync(join(checkout, path), join(folder, path), { recursive: true });
  }
  const manifestOf = (path: string) =>
    JSON.parse(readFileSync(join(checkout, path, "package.json"), "utf8")) as Manifest;
  const manifest = publishedManifest(manifestOf("."), manifestOf("attach"));
  writeFileSync(join(folder, "package.json"), `${JSON.stringify(manifest, null, 2)}\n`);
  return folder;
}

/** Result of `npm pack`. */
export interface Packed {
  readonly filename: string;
  /** Bytes of the tarball, and of its content. */
  readonly size: number;
  readonly unpackedSize: number;
  readonly files: readonly { readonly path: string }[];
}

/** Packs a folder into a tarball in `destination`. */
export async function pack(folder: string, destination: string): Promise<Packed> {
  mkdirSync(destination, { recursive: true });
  const output = await mustExec(
    "npm",
    ["pack", "--json", "--ignore-scripts", "--pack-destination", destination],
    {
      cwd: folder,
    },
  );
  const [packed] = Object.values(JSON.parse(output) as readonly Packed[]);
  if (!packed) throw new Error(`npm pack reported no package:\n${output}`);
  return packed;
}

/** Formats a size: `312 kB`. */
export const kilobytes = (bytes: number): string => `${Math.round(bytes / 1000)} kB`;
