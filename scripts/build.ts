/** `npm run build`: builds the package that a team installs, as a tarball in dist/. */
import { join } from "node:path";
import { root } from "../operate/engine/checkout.ts";
import { main } from "./lib/main.ts";
import { buildPackage, kilobytes, pack } from "./lib/package/build.ts";

await main(async () => {
  const folder = await buildPackage(root);
  const { filename, size, unpackedSize, files } = await pack(folder, join(root, "dist"));
  console.log(
    `dist/${filename}: ${kilobytes(size)}, unpacked ${kilobytes(unpackedSize)}, ${files.length} files.`,
  );
  return 0;
});
