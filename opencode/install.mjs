// Installs opencode in a stage of the image's build: the package for the processor that it is built on, and no other file than the pinned one.
// Plain JavaScript: that stage's Node runs it.
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, symlinkSync } from "node:fs";
import { join } from "node:path";

const [version, packages] = process.argv.slice(2);
const FOLDER = "/opt/opencode";

/** x64, x64-baseline where the processor has no AVX2 or there is no other, or arm64. */
function choose(available) {
  const hasAvx2 = /\bavx2\b/.test(readFileSync("/proc/cpuinfo", "utf8"));
  const names = process.arch === "x64" ? [...(hasAvx2 ? ["x64"] : []), "x64-baseline"] : [process.arch];
  const name = names.find((name) => available[name]);
  if (!name) throw new Error(`opencode ${version} is not pinned for ${names.join(" or ")}`);
  return available[name];
}

function download(spec) {
  const output = execFileSync("npm", ["pack", "--json", "--silent", spec], { cwd: "/tmp", encoding: "utf8" });
  const [{ filename }] = Object.values(JSON.parse(output));
  // npm 10 and older name a scoped package's file with a slash.
  return join("/tmp", filename.replace("@", "").replace("/", "-"));
}

function verify(file, integrity) {
  const [algorithm] = integrity.split("-", 1);
  const found = `${algorithm}-${createHash(algorithm).update(readFileSync(file)).digest("base64")}`;
  if (found !== integrity) throw new Error(`${file} has ${found}, not the pinned ${integrity}`);
}

const { package: name, integrity } = choose(JSON.parse(packages));
const archive = download(`${name}@${version}`);
verify(archive, integrity);
mkdirSync(FOLDER, { recursive: true });
execFileSync("tar", [
  "--extract",
  "--no-same-owner",
  "--file",
  archive,
  "--directory",
  FOLDER,
  "--strip-components=1",
]);
const programs = readdirSync(join(FOLDER, "bin"));
const program = programs.includes("opencode") ? "opencode" : programs[0];
// Whatever it is called: /usr/local/bin/opencode leads here.
symlinkSync(join("bin", program), join(FOLDER, "program"));
