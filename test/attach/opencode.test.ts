import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it, vi } from "vitest";
import { chooseProgram, type Installed, installedVersion, openBrowser } from "../../attach/src/opencode.ts";
import { OPENCODE, OPENCODE_2 } from "../../config/versions.ts";
import { majorOf } from "../../opencode/api/index.ts";
import { v1, v2 } from "../support/attach/releases.ts";

const folder = mkdtempSync(join(tmpdir(), "installed-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** Reads the version of an `opencode` that runs this script. */
async function ask(script: string | undefined, timeoutMs = 20_000): Promise<Installed> {
  const bin = mkdtempSync(join(folder, "bin-"));
  if (script !== undefined) {
    writeFileSync(join(bin, "opencode"), `#!/bin/sh\n${script}\n`);
    chmodSync(join(bin, "opencode"), 0o755);
  }
  const env = { PATH: script === undefined ? bin : `${bin}:/usr/bin:/bin` };
  const [first, second] = await Promise.all(
    [v1, v2].map((api) => installedVersion(api.terminal, env, timeoutMs)),
  );
  expect(second).toEqual(first);
  return first as Installed;
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

it("opens a page with Windows' explorer, which ends with 1, and says which page where there is no browser", async () => {
  const bin = mkdtempSync(join(folder, "bin-"));
  const opened = join(bin, "opened");
  for (const [name, code] of [
    ["explorer", 1],
    ["open", 1],
  ] as const)
    writeFileSync(join(bin, name), `#!/bin/sh\necho "$1" > ${opened}\nexit ${code}\n`, { mode: 0o755 });
  vi.stubEnv("PATH", `${bin}:/usr/bin:/bin`);
  const url = "https://shop-code.example.com/";
  await openBrowser(url, "win32");
  expect(readFileSync(opened, "utf8")).toBe(`${url}\n`);
  await expect(openBrowser(url, "darwin")).rejects.toThrow("Could not open a browser");
  vi.stubEnv("PATH", bin.replace("bin-", "none-"));
  await expect(openBrowser(url, "win32")).rejects.toThrow("Could not open a browser");
  vi.unstubAllEnvs();
});

describe.each([
  { server: OPENCODE, newer: "1.99.0", npm: "opencode-ai", older: "1.18.9", other: "2.3.2" },
  { server: OPENCODE_2, newer: "2.99.0", npm: "@opencode/cli", older: "2.0.17", other: "1.19.4" },
])("the program chosen for $server", ({ server, newer, npm, older, other }) => {
  const choose = (installed: Installed, npx = false, release = server) =>
    chooseProgram({ installed, server: release, npx });
  const pinned = {
    pinned: { major: majorOf(server), version: server, byHand: `Run: npm install -g ${npm}@${server}.` },
  };

  it("is the installed one if it is of the server's major and not older", () => {
    for (const version of [server, newer])
      for (const npx of [false, true])
        expect(choose({ version }, npx)).toEqual({ command: "opencode", args: [] });
  });

  it.each<[string, Installed, string]>([
    ["older", { version: older }, "older"],
    ["of the other major", { version: other }, "incompatible"],
    ["of an unsupported major", { version: "0.9.1" }, "incompatible"],
    ["of a later major", { version: "3.0.0" }, "incompatible"],
    ["missing", { reason: "missing" }, "noOpencode"],
    ["hanging", { reason: "timeout" }, "noOpencode"],
  ])(
    "is the pinned one with --npx, and an error without, if the installed one is %s",
    (_, installed, kind) => {
      expect(choose(installed, true)).toEqual(pinned);
      expect(() => choose(installed)).toThrow(
        expect.objectContaining({ kind, fix: expect.stringContaining(`npm install -g ${npm}@${server}.`) }),
      );
    },
  );

  it("is suggested in the server's release if that is newer than the pinned one", () => {
    expect(() => choose({ version: server }, false, newer)).toThrow(
      expect.objectContaining({ fix: expect.stringContaining(`${npm}@${newer}.`) }),
    );
  });
});
