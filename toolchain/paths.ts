import { delimiter, join, resolve } from "node:path";

/** The toolchain's folder for a checkout: `OPENCODE_PLATFORM_TOOLCHAIN`, or `.toolchain` in the checkout. */
export function toolchainDir(root: string): string {
  return resolve(root, process.env.OPENCODE_PLATFORM_TOOLCHAIN || ".toolchain");
}

/** PATH with the checkout's own commands (including Node) and the toolchain's first. */
export function toolchainPath(root: string, path = process.env.PATH ?? ""): string {
  const first = [join(root, "node_modules", ".bin"), join(toolchainDir(root), "bin")];
  return [...first, ...path.split(delimiter).filter((folder) => folder && !first.includes(folder))].join(
    delimiter,
  );
}
