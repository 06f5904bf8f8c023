import { copyFileSync, existsSync, mkdirSync, renameSync, symlinkSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { rootCertificates } from "node:tls";
import { TRAEFIK, TRAEFIK_IMAGE } from "../../config/versions.ts";
import type { Context } from "../../toolchain/part.ts";
import { SYSTEM_CERTIFICATES } from "./lib/debian.ts";
import { goBuild } from "./lib/go.ts";
import { makeImage } from "./lib/image.ts";

/** Builds Traefik's image from Go modules. */
export async function buildTraefik(context: Context): Promise<string> {
  const way = await makeImage(
    {
      image: TRAEFIK_IMAGE,
      archive: `traefik-v${TRAEFIK}.tar`,
      version: `${TRAEFIK}-1`,
      origin: "go-modules",
      changes: ['ENTRYPOINT ["/traefik"]', "EXPOSE 80", "WORKDIR /"],
      fill,
    },
    context,
  );
  return way || "built from Go modules";
}

/** Only the program, as in the official image, and trusted certificates. */
async function fill(root: string, context: Context): Promise<void> {
  const program = await goBuild(
    {
      recipe: "traefik",
      main: "github.com/traefik/traefik/v3/cmd/traefik",
      ldflags: `-X github.com/traefik/traefik/v3/pkg/version.Version=v${TRAEFIK}`,
    },
    context,
  );
  for (const folder of ["usr/local/bin", "etc/ssl/certs", "tmp"])
    mkdirSync(join(root, folder), { recursive: true });
  renameSync(program, join(root, "usr/local/bin/traefik"));
  symlinkSync("usr/local/bin/traefik", join(root, "traefik"));
  const certificates = join(root, SYSTEM_CERTIFICATES);
  if (existsSync(SYSTEM_CERTIFICATES)) copyFileSync(SYSTEM_CERTIFICATES, certificates);
  else await writeFile(certificates, `${rootCertificates.join("\n")}\n`);
}
