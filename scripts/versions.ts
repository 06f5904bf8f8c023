/**
 * `npm run versions`: shows every pinned release and the newest published one. `opencode <release>` and `pulumi <release>` show the lines that
 * pin a release, `images` those that pin images by digest, which `--write` puts into the file; `opencode-schema <release>` writes the schema of
 * opencode's settings. Changes nothing else.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fail } from "../config/errors.ts";
import { root } from "../operate/engine/checkout.ts";
import { digestLines, withDigests } from "../operate/versions/images.ts";
import { isOutdated, newestPackages, newestReleases, type Release } from "../operate/versions/newest.ts";
import { releaseLines } from "../operate/versions/opencode.ts";
import { writeSettingsSchema } from "../operate/versions/opencode-schema.ts";
import { readPins } from "../operate/versions/pins.ts";
import { pulumiLines } from "../operate/versions/pulumi.ts";
import { main } from "./lib/main.ts";
import { table } from "./lib/table.ts";

const PINS = "config/versions.ts";
const read = (file: string) => readFileSync(join(root, file), "utf8");

await main(async ([what, release, ...rest]) => {
  if (what === "images" && [undefined, "--write"].includes(release) && rest.length === 0) {
    const lines = await digestLines();
    console.log(lines.join("\n"));
    if (release) writeFileSync(join(root, PINS), withDigests(read(PINS), lines));
    return 0;
  }
  if (what === "opencode-schema" && release && rest.length <= 1) {
    console.log(`Wrote ${await writeSettingsSchema(root, release, rest[0])}.`);
    return 0;
  }
  if (what !== undefined) {
    const linesOf = { opencode: releaseLines, pulumi: pulumiLines }[what];
    const usage =
      "takes no argument, opencode|pulumi <release>, opencode-schema <release> [package], or images [--write]";
    if (!linesOf || !release || rest.length > 0)
      fail("config", "npm run versions", usage, "npm run versions");
    console.log((await linesOf(release)).join("\n"));
    return 0;
  }
  const { dependencies, devDependencies } = JSON.parse(read("package.json"));
  const [pins, packages] = await Promise.all([
    newestReleases(readPins(read(PINS))),
    newestPackages({ ...dependencies, ...devDependencies }),
  ]);
  show(PINS, pins);
  show("package.json", packages);
  const outdated = [...pins, ...packages].filter(isOutdated).length;
  const unknown = [...pins, ...packages].filter(({ newest }) => newest === undefined).length;
  console.log(`\n${outdated} outdated, ${unknown} not looked up. Change a version in the file of its table.`);
  return 0;
});

const stateOf = (release: Release) => release.trouble ?? (isOutdated(release) ? "newer" : "");

function show(file: string, releases: readonly Release[]): void {
  const rows = releases.map((each) => [each.name, each.pinned, each.newest ?? "?", stateOf(each)]);
  console.log(["", ...table([file, "pinned", "newest", ""], rows)].join("\n"));
}
