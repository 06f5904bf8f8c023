/** The image's program of the panel as it is, in other folders: what it leaves on the volume, of which snapshots are made. */
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, lstatSync, mkdirSync, readFileSync, realpathSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { removeFolder, temporaryFolder } from "../support/temporary.ts";

const SCRIPT = join(import.meta.dirname, "../../opencode/rootfs/usr/local/lib/opencode-platform/panel");
let folder = "";
const at = (...path: string[]) => join(folder, ...path);

beforeEach(() => {
  folder = temporaryFolder();
  for (const name of ["run", "bin", "volume"]) mkdirSync(at(name));
  const git = (...args: string[]) =>
    execFileSync("git", ["-c", "user.name=a", "-c", "user.email=a@example.com", ...args], {
      cwd: at("origin"),
    });
  mkdirSync(at("origin"));
  git("init", "--quiet", "--initial-branch", "main");
  writeFileSync(at("origin/.gitignore"), ".runtime/\n");
  git("add", ".");
  git("commit", "--quiet", "-m", "first");
  writeFileSync(at("run/environment"), "export A_SECRET=x\n");
  const text = readFileSync(SCRIPT, "utf8")
    .replaceAll("/run/panel-private", at("private"))
    .replaceAll("run=/run/panel", `run=${at("run")}`)
    .replaceAll(/([= ])\/panel\//g, `$1${at("volume")}/`);
  writeFileSync(at("panel"), text);
  // What the program starts: an update that writes the droplet's key, and a login.
  const node = `#!/bin/bash\nmkdir -p .runtime/prod/ssh && echo "the droplet's key" > .runtime/prod/ssh/id\necho "the login" > "$PULUMI_CREDENTIALS_PATH/credentials.json"\necho "$GIT_SSH_COMMAND" > ${at("ssh-command")}\n`;
  writeFileSync(at("bin/node"), node, { mode: 0o755 });
});
afterEach(() => removeFolder(folder));

function start(): void {
  const env = {
    ...process.env,
    PATH: `${at("bin")}:${process.env.PATH}`,
    PANEL_REPO: at("origin"),
    PANEL_BRANCH: "main",
    PULUMI_STACK: "organization/opencode-platform/prod",
  };
  const { status, stderr } = spawnSync("bash", [at("panel")], { encoding: "utf8", env });
  expect([status, stderr]).toEqual([0, ""]);
}

const onVolume = (text: string) =>
  spawnSync("grep", ["-rl", text, at("volume")], { encoding: "utf8" }).stdout;

it("keeps the droplet's key and logins off the volume, also one that an earlier release has written", () => {
  start();
  expect(onVolume("the droplet's key") + onVolume("the login")).toBe("");
  expect(readFileSync(at("private/ssh/id"), "utf8")).toContain("key");
  expect(lstatSync(at("private")).mode & 0o77).toBe(0);
  const status = execFileSync("git", ["-C", at("volume/checkout"), "status", "--porcelain"], {
    encoding: "utf8",
  });
  expect(status).toBe("");
  execFileSync("rm", [at("volume/checkout/.runtime/prod/ssh")]);
  mkdirSync(at("volume/checkout/.runtime/prod/ssh"), { recursive: true });
  mkdirSync(at("volume/checkout/.runtime/panel"));
  writeFileSync(at("volume/checkout/.runtime/panel/audit.jsonl"), "who did what");
  mkdirSync(at("volume/home/.pulumi"), { recursive: true });
  writeFileSync(at("volume/checkout/.runtime/prod/ssh/id"), "the droplet's key");
  writeFileSync(at("volume/home/.pulumi/credentials.json"), "the login");
  start();
  expect(onVolume("the droplet's key") + onVolume("the login")).toBe("");
  expect(realpathSync(at("volume/checkout/.runtime/prod/ssh"))).toBe(at("private/ssh"));
  expect(readFileSync(at("volume/checkout/.runtime/panel/audit.jsonl"), "utf8")).toBe("who did what");
  expect(existsSync(at("volume/home/.pulumi/credentials.json"))).toBe(false);
});

it("keeps to the host keys that it was given, also where none are", () => {
  start();
  const command = readFileSync(at("ssh-command"), "utf8");
  expect(command).toContain(`-o StrictHostKeyChecking=yes -o UserKnownHostsFile=${at("run")}/known_hosts`);
  expect(command).not.toMatch(/accept-new|StrictHostKeyChecking=no/);
});
