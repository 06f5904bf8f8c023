import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { OPENCODE_VERSION as PINNED } from "../../attach/src/opencode.ts";
import { OPENCODE_VERSION } from "../../components/image.ts";
import { type Example, startExample } from "../standins/cloudflare/example/index.ts";
import { urlAt } from "./attach-example.ts";
import { Machine } from "./attach-world.ts";

const root = resolve(import.meta.dirname, "../..");
const PACKAGE = join(root, "attach");

const readJson = (...path: string[]) => JSON.parse(readFileSync(join(...path), "utf8"));

describe("the packed tarball", () => {
  const folder = mkdtempSync(join(tmpdir(), "attach-package-"));
  let example: Example;
  let machine: Machine;
  let files: string[];

  beforeAll(async () => {
    const npm = (args: string[], cwd: string) =>
      execFileSync("npm", [...args, "--no-audit", "--no-fund"], {
        cwd,
        encoding: "utf8",
        stdio: ["ignore", "pipe", "pipe"],
      });
    const [packed] = JSON.parse(npm(["pack", "--json", "--silent", "--pack-destination", folder], PACKAGE));
    files = packed.files.map(({ path }: { path: string }) => path);
    npm(
      ["install", "--silent", "--prefer-offline", "--prefix", folder, join(folder, packed.filename)],
      folder,
    );
    example = await startExample();
    machine = new Machine(example);
  }, 120_000);

  afterAll(async () => {
    machine?.remove();
    rmSync(folder, { recursive: true });
    rmSync(join(PACKAGE, "dist"), { recursive: true, force: true });
    await example?.stop();
  });

  const program = () => join(folder, "node_modules", ".bin", "opencode-platform");

  it("has what it needs and nothing else", () => {
    expect(files.filter((path) => !/^(dist\/[\w-]+\.js|package\.json)$/.test(path))).toEqual([]);
    const { packages } = readJson(folder, "package-lock.json");
    expect(Object.keys(packages).length).toBeLessThan(10);
  });

  it("works in an empty folder: help, and a project through Access", async () => {
    expect((await machine.run(program(), ["--help"])).stdout).toMatch(/^Usage:/);
    machine.install("opencode", '[ "$1" = --version ] && echo 1.18.33 || { echo "$@"; exit 7; }');
    example.answer((_, response) => response.end('{"healthy":true,"version":"1.18.33"}'));
    const { code, stdout } = await machine.run(program(), [urlAt(example).href], {
      CF_ACCESS_CLIENT_ID: example.machine["CF-Access-Client-Id"],
      CF_ACCESS_CLIENT_SECRET: example.machine["CF-Access-Client-Secret"],
    });
    expect([code, stdout]).toEqual([7, expect.stringMatching(/^attach http:\/\/127\.0\.0\.1:\d+\n$/)]);
  });
});

it("needs no other release of what the checkout has too", () => {
  const { dependencies } = readJson(PACKAGE, "package.json");
  const { devDependencies, dependencies: own } = readJson(root, "package.json");
  for (const [name, version] of Object.entries(dependencies))
    expect({ ...devDependencies, ...own }[name]).toBe(version);
  expect(PINNED).toBe(OPENCODE_VERSION);
});
