import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import {
  chooseProgram,
  type Installed,
  installedVersion,
  OPENCODE_VERSION,
} from "../../attach/src/opencode.ts";

const folder = mkdtempSync(join(tmpdir(), "installed-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** Reads the version of an `opencode` that runs this script. */
async function ask(script: string | undefined, timeoutMs = 20_000): Promise<Installed> {
  const bin = mkdtempSync(join(folder, "bin-"));
  if (script !== undefined) {
    writeFileSync(join(bin, "opencode"), `#!/bin/sh\n${script}\n`);
    chmodSync(join(bin, "opencode"), 0o755);
  }
  return await installedVersion({ PATH: script === undefined ? bin : `${bin}:/usr/bin:/bin` }, timeoutMs);
}

describe("the installed opencode", () => {
  it.each([
    ["1.18.33", "echo 1.18.33"],
    ["2.3.2", "echo 2.3.2"],
    ["2.0.14-shuv.1", "echo opencode v2.0.14-shuv.1"],
  ])("has version %s", async (version, script) => {
    expect(await ask(script)).toEqual({ version });
  });

  it("can be missing or print no version", async () => {
    expect(await ask(undefined)).toEqual({ reason: "missing" });
    expect(await ask("exit 1")).toEqual({ reason: "failed" });
    expect(await ask("echo usage: opencode")).toEqual({ reason: "failed" });
  });

  it("is killed after the timeout, even if a child keeps its output open", async () => {
    expect(await ask("trap '' TERM; sleep 1000 & sleep 1000", 500)).toEqual({ reason: "timeout" });
  });
});

describe("the chosen program", () => {
  const choose = (installed: Installed, npx = false, server = "1.18.33") =>
    chooseProgram({ installed, server, npx });
  const pinned = { command: "npx", args: ["--yes", `opencode-ai@${OPENCODE_VERSION}`] };

  it("is the installed one if it is of the server's major and not older", () => {
    for (const version of ["1.18.33", "1.19.4"])
      for (const npx of [false, true])
        expect(choose({ version }, npx)).toEqual({ command: "opencode", args: [] });
  });

  it.each<[string, Installed, string]>([
    ["older", { version: "1.18.9" }, "older"],
    ["of a later major", { version: "2.3.2" }, "incompatible"],
    ["of an earlier major", { version: "0.9.1" }, "incompatible"],
    ["missing", { reason: "missing" }, "noOpencode"],
    ["hanging", { reason: "timeout" }, "noOpencode"],
  ])(
    "is the pinned one with --npx, and an error without, if the installed one is %s",
    (_, installed, kind) => {
      expect(choose(installed, true)).toEqual(pinned);
      expect(() => choose(installed)).toThrow(expect.objectContaining({ kind }));
    },
  );

  it("is suggested in the server's release if that is newer than the pinned one", () => {
    expect(() => choose({ version: "1.18.33" }, false, "1.99.0")).toThrow(
      expect.objectContaining({ fix: expect.stringContaining("opencode-ai@1.99.0.") }),
    );
  });
});
