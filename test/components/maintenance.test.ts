import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { maintenanceScript, noMaintenanceScript } from "../../components/host/maintenance.ts";
import { removeFolder, temporaryFolder } from "../support/temporary.ts";

const folder = temporaryFolder();
const inFolder = (name: string) => join(folder, name);
afterAll(() => removeFolder(folder));

const window = { window: "03:00-05:00", from: "03:00", minutes: 120, timezone: "Europe/Berlin" };
const script = maintenanceScript(window);

/** A text that the script puts on the droplet, as a shell reads it. */
function fileOf(path: string): string {
  // Of one command alone: else those before it would be run.
  const commands = script.split(/^(?=printf %s )/m);
  const pattern = new RegExp(`^printf %s ('[^]*?') > ${path}\\.new`);
  const line = commands.flatMap((command) => pattern.exec(command)?.[1] ?? [])[0] ?? "";
  return execFileSync("sh", ["-c", `printf %s ${line}`], { encoding: "utf8" });
}

describe("the window", () => {
  it("is a timer's, each night, and none that was missed", () => {
    const timer = fileOf("/etc/systemd/system/opencode-reboot.timer");
    expect(timer).toContain("OnCalendar=*-*-* 03:00:00 Europe/Berlin\n");
    expect(timer).toContain("Persistent=false\n");
    expect(fileOf("/etc/systemd/system/opencode-reboot.service")).toContain(
      "ExecStart=/usr/local/lib/opencode-platform/opencode-reboot\n",
    );
  });

  it("is put and taken away by scripts that a shell reads", () => {
    for (const text of [script, noMaintenanceScript()])
      expect(() => execFileSync("sh", ["-n"], { input: text })).not.toThrow();
    expect(noMaintenanceScript()).toContain("systemctl disable --now opencode-reboot.timer");
  });
});

describe("in it, the droplet", () => {
  const [wanted, log, open] = ["reboot-required", "log", "open"].map(inFolder) as [string, string, string];
  const program = (name: string, text: string) =>
    writeFileSync(inFolder(name), `#!/bin/sh\n${text}\n`, { mode: 0o755 });
  program("systemctl", `echo "$*" >> '${log}'`);
  // One connection more is closed by each wait.
  program("ss", `[ ! -s '${open}' ] || echo "0 0 10.0.0.1:22 10.0.0.2:5000"`);
  program("sleep", `echo sleep >> '${log}'; sed -i 1d '${open}'`);
  program("date", `[ -e '${log}.late' ] && echo 99999 || echo 0`);

  beforeEach(() => {
    writeFileSync(log, "");
    writeFileSync(open, "");
    rmSync(wanted, { force: true });
    rmSync(`${log}.late`, { force: true });
  });
  function run(): string[] {
    const text = fileOf("/usr/local/lib/opencode-platform/opencode-reboot");
    const env = { PATH: `${folder}:/usr/bin:/bin` };
    execFileSync("sh", { input: text.replaceAll("/var/run/reboot-required", wanted), env });
    return readFileSync(log, "utf8").trim().split("\n").filter(Boolean);
  }

  it("reboots if an upgrade wants it, and only then", () => {
    expect(run()).toEqual([]);
    writeFileSync(wanted, "");
    expect(run()).toEqual(["reboot"]);
  });

  it("waits for what is connected by SSH, which may be an update", () => {
    writeFileSync(wanted, "");
    writeFileSync(open, "update\nperson\n");
    expect(run()).toEqual(["sleep", "sleep", "reboot"]);
  });

  it("leaves it at the window's end", () => {
    writeFileSync(wanted, "");
    writeFileSync(open, "update\n");
    program("sleep", `echo sleep >> '${log}'; touch '${log}.late'`);
    expect(run()).toEqual(["sleep"]);
    expect(existsSync(wanted)).toBe(true);
  });
});
