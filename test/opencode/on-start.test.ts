/** The image's script `on-start` as it is, in folders of its own: when it runs what a devcontainer has for each start. */
import { spawn } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { copyFromImage, placesIn } from "../support/opencode/image-files.ts";
import { waitForText } from "../support/wait.ts";

let folder = "";
const at = (...path: string[]) => join(folder, ...path);
const put = (path: string, text: string) => writeFileSync(at(path), text);
const read = (path: string) => (existsSync(at(path)) ? readFileSync(at(path), "utf8") : "");

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "on-start-"));
  for (const name of ["lib", "run", "status", "workspace", "bin"]) mkdirSync(at(name));
  copyFromImage(at("lib"), ["on-start", "server", "v1"], placesIn(folder));
  symlinkSync("v1", at("lib/major"));
  put("run/password", "secret");
});
afterEach(() => rmSync(folder, { recursive: true }));

/** The container starts; resolves to what was printed once the script has ended. */
function start(): Promise<string> {
  const child = spawn(at("lib/on-start"), { stdio: ["ignore", "pipe", "inherit"] });
  let printed = "";
  child.stdout.on("data", (data: Buffer) => {
    printed += data.toString();
  });
  return new Promise((resolve) => child.on("close", () => resolve(printed)));
}

it("runs at each start, in the workspace, with its output in the container's log", async () => {
  put("status/filled", "");
  put("run/start", "echo once >>starts\npwd\necho oh >&2");
  expect(await start()).toBe(`[start] ${at("workspace")}\n[start] oh\n`);
  await start();
  expect(read("workspace/starts")).toBe("once\nonce\n");
});

it("waits for the workspace and for setup, whose failure does not keep it", async () => {
  put("run/setup", "npm ci");
  put("run/start", "cat ../status/setup >seen");
  const ended = start();
  put("status/setup", "running 1\n");
  put("status/filled", "");
  expect(read("workspace/seen")).toBe("");
  put("status/setup", "ended 1 1\n");
  await ended;
  expect(read("workspace/seen")).toBe("ended 1 1\n");
});

it("leaves running what it starts, and says that a command has failed", async () => {
  put("status/filled", "");
  put("run/start", "(sleep 0.2; echo later >>late) >/dev/null 2>&1 &\nfalse\necho not reached");
  expect(await start()).toBe("[start] failed with exit code 1\n");
  await waitForText("what was left running", () => read("workspace/late"), "later\n");
});

it("says that it is at work while it is", async () => {
  put("status/filled", "");
  put("run/start", "cat ../status/start");
  expect(await start()).toBe("[start] running\n");
  expect(existsSync(at("status/start"))).toBe(false);
});

it("does nothing without commands", async () => {
  expect(await start()).toBe("");
});
