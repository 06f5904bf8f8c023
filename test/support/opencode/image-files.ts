/** Files of the image, in folders of a test. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Where they are in the image. */
export const LIB = "/usr/local/lib/opencode-platform";
const IMAGE = join(import.meta.dirname, `../../../opencode/rootfs${LIB}`);

/** Texts that are replaced wherever they stand, in this order. */
export type Places = readonly (readonly [string | RegExp, string])[];

/** The folders of scripts in a test's own folder: `lib`, `status`, `run` and `workspace`. */
export const placesIn = (folder: string): Places => [
  [LIB, join(folder, "lib")],
  ["/tmp/opencode-platform", join(folder, "status")],
  ["/run/opencode", join(folder, "run")],
  ["workspace=/workspace", `workspace=${join(folder, "workspace")}`],
];

/** Path of a file of the image. */
export const fileInImage = (name: string): string => join(IMAGE, name);

export const readFromImage = (name: string): string => readFileSync(fileInImage(name), "utf8");

/** Copies files of the image into a folder, as they are but for what belongs to the test: folders and ports. */
export function copyFromImage(folder: string, names: readonly string[], places: Places = []): void {
  for (const name of names) {
    let text = readFromImage(name);
    for (const [from, to] of places) text = text.replaceAll(from, to);
    writeFileSync(join(folder, name), text, { mode: 0o755 });
  }
}

/** The relay, and what it consists of. */
export const RELAY_FILES: readonly string[] = [
  "relay.mjs",
  "login.mjs",
  "page.mjs",
  "scores.mjs",
  "activity.mjs",
  "watch-sessions.mjs",
  "session-events.mjs",
  "watch-terminals.mjs",
  "watch-transfers.mjs",
  "watch-logins.mjs",
];
