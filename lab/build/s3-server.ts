import { existsSync, mkdirSync, renameSync } from "node:fs";
import { join } from "node:path";
import type { Context, Part } from "../../toolchain/part.ts";
import { goBuild } from "./lib/go.ts";

/** Release of the server; its modules are pinned in go/versitygw. */
const VERSITYGW = "1.8.0";
const BINARY = "bin/versitygw";

/** Where the toolchain has it. */
export const s3Server = (toolchain: string): string => join(toolchain, BINARY);

/**
 * A server that speaks S3 and checks signatures, keeping each object as a file of a directory: versitygw. Others that were looked at: s3rver, which checks no signature of a
 * stream and has had no release since 2021; MinIO, whose module is a hundred times its size and whose community edition is no longer maintained.
 */
export const s3ServerPart: Part = {
  name: `versitygw ${VERSITYGW}`,
  remedy: "install Go, and let it reach proxy.golang.org",
  find: async ({ dir, manifest }) =>
    existsSync(s3Server(dir)) && (await manifest.verified(BINARY, VERSITYGW)) ? "already built" : undefined,
};

export async function buildS3Server(context: Context): Promise<string> {
  const program = await goBuild(
    {
      recipe: "versitygw",
      main: "github.com/versity/versitygw/cmd/versitygw",
      ldflags: `-X main.Version=v${VERSITYGW}`,
    },
    context,
  );
  mkdirSync(join(context.dir, "bin"), { recursive: true });
  renameSync(program, s3Server(context.dir));
  await context.manifest.record(BINARY, VERSITYGW, "built from Go modules");
  return "built from Go modules";
}
