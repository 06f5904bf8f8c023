import { chmodSync, mkdirSync, renameSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { fail } from "../../config/errors.ts";
import { CLOUDFLARED, CLOUDFLARED_SHA256 } from "../../config/versions.ts";
import { fetchFile } from "../../toolchain/lib/download.ts";
import { which } from "../../toolchain/lib/exec.ts";
import { toolchainPath } from "../../toolchain/paths.ts";
import { root, toolchain } from "../engine/checkout.ts";

const RELEASES = "https://github.com/cloudflare/cloudflared/releases/download";

/** Installs cloudflared if the machine has none; any other than the release with this checksum is refused. */
export async function installCloudflared(
  print: (text: string) => void,
  {
    releases = RELEASES,
    checksums = CLOUDFLARED_SHA256,
    platform = `${process.platform}-${process.arch}`,
  } = {},
): Promise<void> {
  if (which("cloudflared", toolchainPath(root))) return;
  const needed = "is needed for SSH through the tunnel";
  const [asset, sha256] =
    checksums[platform] ??
    fail("environment", "cloudflared", `${needed}, and isn't fetched for ${platform}`, "install it");
  const file = join(toolchain, "bin", "cloudflared");
  const unfinished = `${file}.${process.pid}`;
  mkdirSync(dirname(file), { recursive: true });
  try {
    const url = `${releases}/${CLOUDFLARED}/${asset}`;
    const got = await fetchFile(url, unfinished, () => {});
    if (got !== sha256)
      fail("environment", "cloudflared", `${url} has the SHA-256 ${got}, not ${sha256}, so it is refused`);
    chmodSync(unfinished, 0o755);
    renameSync(unfinished, file);
    print(`cloudflared ${CLOUDFLARED}: downloaded`);
  } finally {
    rmSync(unfinished, { force: true });
  }
}
