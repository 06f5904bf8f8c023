import { cpSync, existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { exec, mustExec } from "../../../toolchain/lib/exec.ts";

/** Debian's bundle of trusted certificates. */
export const SYSTEM_CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt";

/** A source of a Debian release. */
export interface Source {
  /** `bookworm`, `bookworm-updates`, `bookworm-security`. */
  readonly suite: string;
  readonly uri: string;
}

/** This machine's own apt sources for a release, for every other use of Debian's packages. */
export async function debianSources(release: string): Promise<Source[]> {
  const format = "$(RELEASE) $(COMPONENT) $(REPO_URI)";
  const { stdout } = await exec("apt-get", ["indextargets", "--format", format, "Created-By: Packages"]);
  return stdout.split("\n").flatMap((line) => {
    const [suite = "", component, uri = ""] = line.split(" ");
    return component === "main" && suite.split("-")[0] === release ? [{ suite, uri }] : [];
  });
}

/**
 * Installs newer packages from the release's backports. This machine's own sources stay unchanged: apt gets a
 * list for the one call.
 */
export async function installBackports(
  packages: readonly string[],
  release: string,
  scratch: string,
): Promise<void> {
  const uri = (await debianSources(release)).find(({ suite }) => suite === release)?.uri;
  if (!uri) return;
  const sources = join(scratch, "sources.list.d");
  const lists = join(scratch, "lists");
  for (const folder of [sources, join(lists, "partial")]) mkdirSync(folder, { recursive: true });
  const own = "/etc/apt/sources.list.d";
  if (existsSync(own)) cpSync(own, sources, { recursive: true });
  const suite = `${release}-backports`;
  const keyring = "/usr/share/keyrings/debian-archive-keyring.gpg";
  writeFileSync(join(sources, "backports.list"), `deb [signed-by=${keyring}] ${uri} ${suite} main\n`);
  const lent = ["-o", `Dir::Etc::SourceParts=${sources}`, "-o", `Dir::State::Lists=${lists}`];
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  await mustExec("apt-get", [...lent, "update", "-qq"], { env, timeoutMs: 180_000 });
  const install = ["install", "-y", "-qq", "--no-install-recommends", "-t", suite, ...packages];
  await mustExec("apt-get", [...lent, ...install], { env, timeoutMs: 900_000 });
}
