import { cpSync, mkdirSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { fail } from "../../../config/errors.ts";
import { DEBIAN, GO_OLDEST } from "../../../config/versions.ts";
import { canApt } from "../../../toolchain/lib/apt.ts";
import { exec, mustExec, which } from "../../../toolchain/lib/exec.ts";
import { compareVersions } from "../../../toolchain/lib/words.ts";
import type { Context } from "../../../toolchain/part.ts";
import { installBackports } from "./debian.ts";

export interface GoProgram {
  /** Folder under `toolchain/go` with go.mod, go.sum and tools.go. */
  recipe: string;
  /** The main package. */
  main: string;
  /** Settings for the linker, such as `-X package.Version=v1`. */
  ldflags: string;
}

/** Builds a program from Go modules, verified against the recipe's go.sum; returns the path of the binary. */
export async function goBuild(program: GoProgram, context: Context): Promise<string> {
  const go = await findGo(context);
  const folder = join(context.scratch, "module");
  const output = join(context.scratch, "program");
  mkdirSync(folder, { recursive: true });
  cpSync(join(import.meta.dirname, "../go", program.recipe), folder, { recursive: true });
  let packages = 0;
  const onLine = (line: string) => {
    if (line.startsWith("go: downloading")) context.progress("fetching Go modules");
    else if (!/\s/.test(line)) context.progress(`compiling Go packages (${++packages} so far)`);
  };
  context.progress("compiling Go packages");
  const jobs = String(Math.max(1, availableParallelism()));
  await mustExec(
    go,
    [
      "build",
      "-v",
      "-p",
      jobs,
      "-trimpath",
      "-ldflags",
      `-s -w ${program.ldflags}`,
      "-o",
      output,
      program.main,
    ],
    {
      cwd: folder,
      onLine,
      env: {
        ...context.env,
        GOFLAGS: "-mod=mod -buildvcs=false",
        GOWORK: "off",
        CGO_ENABLED: "0",
        GOTOOLCHAIN: "auto",
      },
    },
  );
  return output;
}

/**
 * Go from PATH or its installer's folder; otherwise Debian's, from backports if the release's own is too old.
 */
async function findGo(context: Context): Promise<string> {
  const there = await usableGo();
  if (there) return there;
  if (canApt()) {
    context.progress("apt-get install golang-go");
    await installBackports(["golang-go"], DEBIAN, context.scratch);
  }
  const go = await usableGo();
  if (go) return go;
  const what = `${GO_OLDEST} or newer is required to build from Go modules`;
  fail("environment", "go", what, `install Go ${GO_OLDEST} or newer (https://go.dev/dl)`);
}

async function usableGo(): Promise<string | undefined> {
  const go = which("go", `${process.env.PATH ?? ""}:/usr/local/go/bin:/usr/lib/go/bin`);
  if (!go) return undefined;
  const { stdout } = await exec(go, ["version"], { timeoutMs: 20_000 });
  const version = /go(\d+\.\d+(\.\d+)?)/.exec(stdout)?.[1] ?? "0";
  return compareVersions(version, GO_OLDEST) >= 0 ? go : undefined;
}
