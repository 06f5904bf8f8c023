/** The image's scripts as they are, but for their folders: in a folder of the test. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { removeFolder, temporaryFolder } from "../temporary.ts";
import { copyFromImage, LIB } from "./image-files.ts";

const SCRIPTS = ["askpass", "forge", "server", "workspace", "v1", "v2"];

export class ImageScripts {
  readonly folder = temporaryFolder();
  private readonly running: ChildProcess[] = [];

  constructor() {
    for (const name of ["lib", "run/secrets", "status", "workspace", "home", "bin"])
      mkdirSync(this.path(name), { recursive: true });
    copyFromImage(this.path("lib"), SCRIPTS, [
      [/^export PATH=.*$/gm, "export PATH=$TEST_PATH"],
      ["/tmp/opencode-platform", this.path("status")],
      [LIB, this.path("lib")],
      ["/run/opencode", this.path("run")],
      ["=/workspace", `=${this.path("workspace")}`],
    ]);
    symlinkSync("v1", this.path("lib/major"));
    this.program("sleep", "exec /bin/sleep 0.05");
  }

  path(...parts: string[]): string {
    return join(this.folder, ...parts);
  }

  workspace(...parts: string[]): string {
    return this.path("workspace", ...parts);
  }

  read(...parts: string[]): string {
    return readFileSync(this.path(...parts), "utf8");
  }

  /** What the health check repeats. */
  get line(): string {
    return existsSync(this.path("status/workspace")) ? this.read("status/workspace").trim() : "";
  }

  /** Puts a program before the machine's own. */
  program(name: string, text: string): void {
    writeFileSync(this.path("bin", name), `#!/bin/bash\n${text}\n`, { mode: 0o755 });
  }

  /** The environment of the container, with the test's. Git knows nothing of the machine's own. */
  environment(more: Readonly<Record<string, string>> = {}): Record<string, string> {
    const path = `${this.path("bin")}:${process.env.PATH}`;
    return {
      PATH: path,
      TEST_PATH: path,
      HOME: this.path("home"),
      GIT_CONFIG_SYSTEM: this.path("run/gitconfig"),
      GIT_TERMINAL_PROMPT: "0",
      ...more,
    };
  }

  /** Writes a secret's file, as the platform uploads it. */
  secret(name: string, value: string): void {
    writeFileSync(this.path("run/secrets", name), value);
  }

  /** Starts `workspace`; its log comes with its end. */
  start(env: Readonly<Record<string, string>>): { readonly ended: Promise<string>; kill(): Promise<void> } {
    const child = spawn("bash", [this.path("lib/workspace")], {
      env: this.environment(env),
      stdio: ["ignore", "pipe", "inherit"],
      detached: true,
    });
    this.running.push(child);
    let log = "";
    child.stdout.on("data", (data: Buffer) => {
      log += data.toString();
    });
    const end = once(child, "close");
    return {
      ended: end.then(() => log),
      kill: async () => {
        killGroup(child);
        await end;
      },
    };
  }

  /** Another container's start: what is in memory alone has gone. */
  restart(): void {
    removeFolder(this.path("status"));
    mkdirSync(this.path("status"));
  }

  /** Empties the workspace as well. */
  clear(): void {
    this.restart();
    removeFolder(this.workspace());
    mkdirSync(this.workspace());
  }

  remove(): void {
    for (const child of this.running) killGroup(child);
    removeFolder(this.folder);
  }
}

/** With the git that it runs. */
function killGroup({ pid, exitCode, signalCode }: ChildProcess): void {
  if (pid !== undefined && exitCode === null && signalCode === null) process.kill(-pid, "SIGKILL");
}
