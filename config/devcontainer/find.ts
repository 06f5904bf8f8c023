/** Where a repository has its devcontainer.json. */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { fail } from "../errors.ts";

const FILE = "devcontainer.json";
const FOLDER = ".devcontainer";

/**
 * The path of the file, relative to the repository: the one of the specification's places where there is one.
 * @throws UserError if there is none, or several of which one has to be named
 */
export function findDevcontainer(repository: string): string {
  const isThere = (path: string) => existsSync(join(repository, path));
  const first = [`${FOLDER}/${FILE}`, `.${FILE}`].find(isThere);
  if (first) return first;
  const folders = isThere(FOLDER) ? readdirSync(join(repository, FOLDER)).sort() : [];
  const [only, ...others] = folders.map((name) => `${FOLDER}/${name}/${FILE}`).filter(isThere);
  if (!only) return fail("config", repository, `has no ${FOLDER}/${FILE}`);
  if (others.length > 0)
    return fail("config", repository, `has several: ${[only, ...others].join(", ")}`, "name one of them");
  return only;
}
