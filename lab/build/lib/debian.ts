import { cpSync, existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { exec, mustExec } from "../../../toolchain/lib/exec.ts";

/** Where Debian keeps the certificates it trusts, as one file. */
export const SYSTEM_CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt";

/** Where a release of Debian is got from. */
export interface Source {
  /** `bookworm`, `bookworm-updates`, `bookworm-security`. */
  readonly suite: string;
  readonly uri: string;
}

/** Where this machine's own apt gets a release from, so that whatever else needs Debian's packages goes the same way. */
export async function debianSources(release: string): Promise<Source[]> {
  const format = "$(RELEASE) $(COMPONENT) $(REPO_URI)";
  const { stdout } = await exec("apt-get", ["indextargets", "--format", format, "Created-By: Packages"]);
  return stdout.split("\n").flatMap((line) => {
    const [suite = "", component, uri = ""] = line.split(" ");
    return component === "main" && suite.split("-")[0] === release ? [{ suite, uri }] : [];
  });
}

/**
 * Installs newer packages than the release has from its backports. This machine's own sources stay as they are: apt is lent a list
 * for the one call.
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
