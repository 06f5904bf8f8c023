import { mkdirSync, renameSync } from "node:fs";
import { join } from "node:path";
import { PULUMI } from "../../config/versions.ts";
import type { Context } from "../../toolchain/part.ts";
import { installPulumi } from "../../toolchain/parts/pulumi.ts";
import { goBuild } from "./lib/go.ts";

/** Builds the Pulumi CLI from Go modules. */
export async function buildPulumi(context: Context): Promise<string> {
  const program = await goBuild(
    {
      recipe: "pulumi",
      main: "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi",
      ldflags: `-X github.com/pulumi/pulumi/sdk/v3/go/common/version.Version=v${PULUMI}`,
    },
    context,
  );
  const folder = join(context.scratch, "pulumi");
  mkdirSync(folder);
  renameSync(program, join(folder, "pulumi"));
  await installPulumi(folder, "built from Go modules", context);
  return "built from Go modules";
}
