/** `npm run versions`: shows every pinned release and the newest published one. Changes nothing. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "../operate/engine/checkout.ts";
import { isOutdated, newestPackages, newestReleases, type Release } from "../operate/versions/newest.ts";
import { readPins } from "../operate/versions/pins.ts";
import { main } from "./lib/main.ts";
import { table } from "./lib/table.ts";

const read = (file: string) => readFileSync(join(root, file), "utf8");

await main(async () => {
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
