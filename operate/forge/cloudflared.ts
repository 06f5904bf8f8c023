import { chmodSync, mkdirSync, renameSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { fail } from "../../config/errors.ts";
import { fetchFile } from "../../toolchain/lib/download.ts";
import { which } from "../../toolchain/lib/exec.ts";
import { toolchainPath } from "../../toolchain/paths.ts";
import { root, toolchain } from "../engine/checkout.ts";

/** Cloudflare's client, through which SSH goes where no port is open. Change the version and both checksums together. */
const VERSION = "2026.9.1";
/** As in the notes of the release: https://github.com/cloudflare/cloudflared/releases/tag/2026.9.1 */
const SHA256: Readonly<Record<string, readonly [asset: string, sha256: string]>> = {
  "linux-x64": [
    "cloudflared-linux-amd64",
    "03f1f25d1cc93b9ad6c60569d44060bc4f17ed97075760ed8cfca4b12dcd68cc",
  ],
  "linux-arm64": [
    "cloudflared-linux-arm64",
    "3d97437c71848bd8df68041e12436b484a661d95073ea1937f01a845ce88faa3",
  ],
};

const RELEASES = "https://github.com/cloudflare/cloudflared/releases/download";

/** Brings cloudflared where the machine has none, and takes no other than the one of that checksum. */
export async function bringCloudflared({
  releases = RELEASES,
  checksums = SHA256,
  platform = `${process.platform}-${process.arch}`,
} = {}): Promise<void> {
  if (which("cloudflared", toolchainPath(root))) return;
  const needed = "is needed for SSH through the tunnel";
  const [asset, sha256] =
    checksums[platform] ??
    fail("environment", "cloudflared", `${needed}, and isn't fetched for ${platform}`, "install it");
  const file = join(toolchain, "bin", "cloudflared");
  const unfinished = `${file}.${process.pid}`;
  mkdirSync(dirname(file), { recursive: true });
  try {
    const url = `${releases}/${VERSION}/${asset}`;
    const got = await fetchFile(url, unfinished, () => {});
    if (got !== sha256)
      fail("environment", "cloudflared", `${url} has the SHA-256 ${got}, not ${sha256}: it is not used`);
    chmodSync(unfinished, 0o755);
    renameSync(unfinished, file);
    console.log(`cloudflared ${VERSION}: downloaded`);
  } finally {
    rmSync(unfinished, { force: true });
  }
}
