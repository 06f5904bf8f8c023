/** `npm run release -- <version> [--dry-run]`: versions, CHANGELOG's date, commit, tag and tarball. No push. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { fail } from "../config/errors.ts";
import { root } from "../operate/engine/checkout.ts";
import { mustExec, runInherited } from "../toolchain/lib/exec.ts";
import { main } from "./lib/main.ts";
import { buildPackage, kilobytes, pack } from "./lib/package/build.ts";
import { assertPinned, newTexts, parseVersion } from "./lib/package/release.ts";

const USAGE = "npm run release -- 0.2.0 [--dry-run]";

const git = (...args: string[]) => mustExec("git", args, { cwd: root });

await main(async (args) => {
  const { values, positionals } = parseArgs({
    args: [...args],
    options: { "dry-run": { type: "boolean", default: false } },
    allowPositionals: true,
  });
  const [named, unexpected] = positionals;
  if (unexpected) fail("config", "npm run release", `Unexpected argument: ${unexpected}`, USAGE);
  const version = parseVersion(named);
  const [tag, changed] = [`v${version}`, newTexts(root, version)];
  await refuseUnready(tag);
  console.log(`Release ${version} changes ${Object.keys(changed).join(", ") || "no file"}.`);
  if (values["dry-run"]) {
    console.log(`Nothing was changed. Without --dry-run: a commit, the tag ${tag}, and a tarball in dist/.`);
    return 0;
  }
  for (const [path, text] of Object.entries(changed)) writeFileSync(join(root, path), text);
  if (Object.keys(changed).length > 0)
    await git("commit", "--quiet", "--all", "--message", `Release ${version}`);
  const { filename, size, unpackedSize } = await pack(await buildPackage(root), join(root, "dist"));
  await git("tag", "--annotate", tag, "--message", `Release ${version}`);
  console.log(`dist/${filename}: ${kilobytes(size)}, unpacked ${kilobytes(unpackedSize)}. Next:
  git push --follow-tags
  npm publish dist/${filename}`);
  return 0;
});

async function refuseUnready(tag: string): Promise<void> {
  assertPinned();
  const where = "npm run release";
  const changes = await git("status", "--porcelain");
  if (changes) fail("conflict", where, "there are uncommitted changes", "git status");
  if (await git("tag", "--list", tag))
    fail("conflict", where, `${tag} exists already`, "choose a higher version");
  if (await runInherited(process.execPath, [join(root, "scripts", "lint.ts")], process.env, root))
    fail("conflict", where, "lint found problems", "npm run lint");
}
