/**
 * `opencode-platform init <folder> [--gitlab] [--package <spec>]`: writes a team's own repository. See
 * docs/adopting.md.
 */
import { readFileSync } from "node:fs";
import { basename, join, relative, resolve } from "node:path";
import { parseArgs } from "node:util";
import { fail } from "../config/errors.ts";
import { packageRoot } from "../operate/engine/checkout.ts";
import { main } from "./lib/main.ts";
import { teamFiles } from "./lib/team/files.ts";
import { writeFiles } from "./lib/team/write.ts";

const USAGE = "opencode-platform init <folder> [--gitlab] [--package <version or tarball>]";

await main(async (args) => {
  const { folder, gitlab, spec } = parse(args);
  const read = (path: string) => readFileSync(join(packageRoot, path), "utf8");
  const { version, allowScripts } = JSON.parse(read("package.json")) as {
    version: string;
    allowScripts: Record<string, boolean>;
  };
  const name = basename(folder);
  const forge = gitlab ? "gitlab" : "github";
  const files = teamFiles({ name, forge, spec: spec ?? `^${version}` }, { read, allowScripts });
  writeFiles(folder, files);
  const shown = relative(process.cwd(), folder) || ".";
  console.log(
    [
      `Wrote ${Object.keys(files).join(", ")} in ${shown}. Next:`,
      "",
      ...(shown === "." ? [] : [`  cd ${shown}`]),
      "  git init && npm install --ignore-scripts && npm rebuild node   # package-lock.json pins every version: commit it",
      "  npm start                 # a platform on this machine",
    ].join("\n"),
  );
  return 0;
});

function parse(args: readonly string[]): { folder: string; gitlab: boolean; spec: string | undefined } {
  const { values, positionals } = parseOrFail(args);
  const [folder, ...rest] = positionals;
  if (folder === undefined || rest.length > 0)
    return fail("config", "opencode-platform init", "takes one folder", USAGE);
  return { folder: resolve(folder), gitlab: values.gitlab, spec: values.package };
}

function parseOrFail(args: readonly string[]) {
  try {
    const options = {
      gitlab: { type: "boolean", default: false },
      package: { type: "string" },
    } as const;
    return parseArgs({ args: [...args], options, allowPositionals: true });
  } catch (error) {
    return fail("config", "opencode-platform init", (error as Error).message, USAGE);
  }
}
