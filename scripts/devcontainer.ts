/**
 * `npm run devcontainer -- <folder> [<file>]`: what an entry of projects.yaml has in place of a repository's devcontainer.json. Reads the file of a
 * clone, and changes nothing.
 */
import { existsSync, readFileSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { findDevcontainer } from "../config/devcontainer/find.ts";
import { readDevcontainer } from "../config/devcontainer/read.ts";
import { fail } from "../config/errors.ts";
import { PROJECT_NAME_PATTERN } from "../config/projects/field-schemas.ts";
import { shellQuote } from "../config/text/shell.ts";
import { renderFile } from "../config/text/yaml-render.ts";
import { DEVCONTAINER_CLI } from "../config/versions.ts";
import { main } from "./lib/main.ts";

const USAGE = "npm run devcontainer -- <folder of a clone> [<path of its devcontainer.json>]";

await main(async ([folder, named, ...rest]) => {
  if (!folder || rest.length > 0) return fail("config", "npm run devcontainer", "takes a folder", USAGE);
  const repository = resolve(process.env.INIT_CWD ?? ".", folder);
  const file = named ?? findDevcontainer(repository);
  const path = join(repository, file);
  if (!existsSync(path)) return fail("config", path, "not found");
  const base = basename(repository).toLowerCase();
  const name = PROJECT_NAME_PATTERN.test(base) ? base : "project";
  const { entry, isBuilt, left } = readDevcontainer(readFileSync(path, "utf8"), file, name);
  const image = isBuilt ? `${name}-devcontainer:1` : entry.image;
  console.log(renderFile({ projects: [{ name, image, ...entry }] }).trimEnd());
  if (isBuilt) {
    const options = `--workspace-folder ${shellQuote(repository)} --config ${shellQuote(path)} --image-name ${image}`;
    console.log(
      [
        "",
        "# Its image is built from a Dockerfile or with features. Where the platform's Docker is, or anywhere, to push it to a registry:",
        `#   npx @devcontainers/cli@${DEVCONTAINER_CLI} build ${options}`,
      ].join("\n"),
    );
  }
  for (const line of left) console.error(`not taken: ${line}`);
  return 0;
});
