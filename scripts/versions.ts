/**
 * `npm run versions`: shows every pinned release and the newest published one. `opencode <release>` and `pulumi <release>` show the lines that
 * pin a release. Changes nothing.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fail } from "../config/errors.ts";
import { root } from "../operate/engine/checkout.ts";
import { isOutdated, newestPackages, newestReleases, type Release } from "../operate/versions/newest.ts";
import { releaseLines } from "../operate/versions/opencode.ts";
import { readPins } from "../operate/versions/pins.ts";
import { pulumiLines } from "../operate/versions/pulumi.ts";
import { main } from "./lib/main.ts";
import { table } from "./lib/table.ts";

const read = (file: string) => readFileSync(join(root, file), "utf8");

await main(async ([what, release, ...rest]) => {
  if (what !== undefined) {
    const linesOf = { opencode: releaseLines, pulumi: pulumiLines }[what];
    if (!linesOf || !release || rest.length > 0)
      fail(
        "config",
        "npm run versions",
        "takes no argument, or opencode|pulumi <release>",
        "npm run versions",
      );
    console.log((await linesOf(release)).join("\n"));
    return 0;
  }
  const { dependencies, devDependencies } = JSON.parse(read("package.json"));
  const [pins, packages] = await Promise.all([
    newestReleases(readPins(read("config/versions.ts"))),
    newestPackages({ ...dependencies, ...devDependencies }),
  ]);
  show("config/versions.ts", pins);
  show("package.json", packages);
  const outdated = [...pins, ...packages].filter(isOutdated).length;
  const unknown = [...pins, ...packages].filter(({ newest }) => newest === undefined).length;
  console.log(
    `\n${outdated} outdated, ${unknown} not looked up. Change a version in the file that its table names.`,
  );
  return 0;
});

function show(file: string, releases: readonly Release[]): void {
  const rows = releases.map((release) => [
    release.name,
    release.pinned,
    release.newest ?? "?",
    release.trouble ?? (isOutdated(release) ? "newer" : ""),
  ]);
  console.log(["", ...table([file, "pinned", "newest", ""], rows)].join("\n"));
}
