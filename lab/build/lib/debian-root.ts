import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fail } from "../../../config/errors.ts";
import { commandOrApt } from "../../../toolchain/lib/apt.ts";
import { mustExec } from "../../../toolchain/lib/exec.ts";
import { debianSources, SYSTEM_CERTIFICATES } from "./debian.ts";

export interface DebianRoot {
  /** Name of the image, for errors. */
  readonly image: string;
  readonly remedy: string;
  readonly release: string;
  progress(words: string): void;
}

/**
 * Creates a minimal Debian in a directory, with this machine's own apt sources for the release and its
 * trusted certificates.
 */
export async function makeDebianRoot(root: string, options: DebianRoot): Promise<void> {
  if (process.platform !== "linux" || process.getuid?.() !== 0) {
    fail("environment", options.image, "can only be built as root on Linux", options.remedy);
  }
  const debootstrap = await commandOrApt("debootstrap", ["debootstrap"], options.progress);
  if (!debootstrap) fail("environment", "debootstrap", "is not installed", "install debootstrap");
  const onLine = (line: string) => {
    const step = /^I: (.{1,60})/.exec(line)?.[1];
    if (step) options.progress(`debootstrap: ${step}`);
  };
  const sources = await debianSources(options.release);
  const mirror = sources.find(({ suite }) => suite === options.release)?.uri;
  const args = ["--variant=minbase", "--include=ca-certificates", options.release, root];
  await mustExec(debootstrap, [...args, ...(mirror ? [mirror] : [])], { onLine });
  removePackageCache(root);
  await copyCertificates(root);
  const lines = sources.map(({ suite, uri }) => `deb ${uri} ${suite} main\n`);
  if (lines.length > 0) writeFileSync(join(root, "etc/apt/sources.list"), lines.join(""));
}

/** Removes apt's downloads and logs from a root. */
export function removePackageCache(root: string): void {
  for (const rest of ["var/cache/apt/archives", "var/lib/apt/lists", "var/log/bootstrap.log"]) {
    rmSync(join(root, rest), { recursive: true, force: true });
  }
  for (const folder of ["var/cache/apt/archives/partial", "var/lib/apt/lists/partial"]) {
    mkdirSync(join(root, folder), { recursive: true });
  }
}

/**
 * Behind a proxy, a build in a container must trust the proxy's certificate like this machine. It is added as
 * a local one, which Debian keeps when it regenerates its list.
 */
async function copyCertificates(root: string): Promise<void> {
  if (!existsSync(SYSTEM_CERTIFICATES)) return;
  const known = new Set(certificatesIn(readFileSync(join(root, SYSTEM_CERTIFICATES), "utf8")));
  const extra = certificatesIn(readFileSync(SYSTEM_CERTIFICATES, "utf8")).filter((text) => !known.has(text));
  const folder = join(root, "usr/local/share/ca-certificates");
  mkdirSync(folder, { recursive: true });
  for (const [index, text] of extra.entries())
    writeFileSync(join(folder, `machine-${index}.crt`), `${text}\n`);
  await mustExec("chroot", [root, "update-ca-certificates"]);
}

/** The certificates of a PEM file. */
export function certificatesIn(text: string): string[] {
  return text.match(/-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g) ?? [];
}
