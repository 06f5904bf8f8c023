/** Looks up the checksums of a release of the Pulumi CLI, for config/versions.ts. */
import { fail } from "../../config/errors.ts";
import { fetchText } from "../../toolchain/lib/download.ts";
import { publishedChecksum } from "../../toolchain/lib/manifest.ts";
import { archiveName, checksumsUrl, PULUMI_HOST } from "../../toolchain/parts/pulumi.ts";

/** The machines that the platform is deployed from, in Node's words. */
export const MACHINES: readonly string[] = ["linux-x64", "linux-arm64", "darwin-x64", "darwin-arm64"];

/**
 * The lines that pin a release: what GitHub's list says, if the download's host says the same.
 * @throws UserError if a list is missing, or they differ
 */
export async function pulumiLines(
  version: string,
  fetchList: (url: string) => Promise<string> = fetchText,
): Promise<string[]> {
  const host = `https://${PULUMI_HOST}/releases/sdk/pulumi-${version}-checksums.txt`;
  const [theirs, downloads] = await Promise.all([fetchList(checksumsUrl(version)), fetchList(host)]).catch(
    (error: unknown) => fail("environment", `pulumi ${version}`, (error as Error).message),
  );
  const lines = MACHINES.map((machine) => {
    const name = archiveName(version, machine);
    const [sha256, other] = [theirs, downloads].map((list) => publishedChecksum(list, name));
    if (!sha256 || sha256 !== other)
      fail(
        "config",
        name,
        `has the checksum ${sha256 ?? "none"} at github.com and ${other ?? "none"} at ${PULUMI_HOST}`,
      );
    return `  "${machine}": "${sha256}",`;
  });
  return ["export const PULUMI_SHA256: Readonly<Record<string, string>> = {", ...lines, "};"];
}
