import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fail } from "../../../config/errors.ts";

/** What a new repository's folder may contain, as after cloning an empty one. */
const ALLOWED = new Set([".git"]);

/** Writes files into a folder, creating it. @throws UserError if it contains anything but `.git` */
export function writeFiles(folder: string, files: Readonly<Record<string, string>>): void {
  const present = existsSync(folder) ? readdirSync(folder).filter((name) => !ALLOWED.has(name)) : [];
  if (present.length > 0)
    fail(
      "conflict",
      folder,
      `is not empty (${present.slice(0, 3).join(", ")})`,
      "name a new or empty folder",
    );
  for (const [path, text] of Object.entries(files)) {
    const file = join(folder, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text, { flag: "wx" });
  }
}
