/** Makes the folder that npm packs: the program in JavaScript, in the layout of its sources, without lab, tests and development's scripts. */
import { cpSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { mustExec } from "../../../toolchain/lib/exec.ts";
import { type Manifest, publishedManifest } from "./manifest.ts";

/** Files that are read as they are. The page's modules are served with their types stripped, which Node does to a text from anywhere. */
const COPIED = [
  "LICENSE",
  "README.md",
  "CHANGELOG.md",
  "docs/*.md",
  "Pulumi.yaml",
  "Pulumi.prod.yaml",
  "projects.yaml",
  "projects.schema.json",
  ".github/workflows/platform.yml",
  ".gitlab-ci.yml",
  "attach/bin.mjs",
  "opencode/{Dockerfile,.dockerignore,rootfs}",
  "panel/page/*.{ts,css,html,svg}",
  "scripts/{bin,run}.mjs",
  "scripts/lib/launcher.mjs",
];

/** Builds the package of a checkout in its folder `dist`, which is emptied before; answers the folder. */
export async function buildPackage(checkout: string): Promise<string> {
  const folder = join(checkout, "dist");
  rmSync(folder, { recursive: true, force: true });
  const compile = (...args: string[]) =>
    mustExec(join(checkout, "node_modules", ".bin", "tsc"), args, { cwd: checkout });
  await compile("--project", "tsconfig.build.json");
  await compile("--project", "attach", "--outDir", join(folder, "attach", "dist"));
  for (const path of globSync(COPIED, { cwd: checkout })) {
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

/** What `npm pack` has made. */
export interface Packed {
  readonly filename: string;
  /** Bytes of the tarball, and of what is in it. */
  readonly size: number;
  readonly unpackedSize: number;
  readonly files: readonly { readonly path: string }[];
}

/** Packs a folder into a tarball beside others. */
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
  if (!packed) throw new Error(`npm pack reports nothing:\n${output}`);
  return packed;
}

/** A size for people: `312 kB`. */
export const kilobytes = (bytes: number): string => `${Math.round(bytes / 1000)} kB`;
