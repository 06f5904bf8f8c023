/** A small Pulumi project, run by the real engine with the stand-in plugins. */
import { execFileSync, spawn } from "node:child_process";
import {
  copyFileSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { install } from "../../lab/plugins/install.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** A command's output and exit. */
export interface Result {
  readonly code: number | null;
  readonly output: string;
}

/** The `pulumi` to test with: PULUMI_BIN, or the first on PATH. */
function findPulumi(): string {
  const given = process.env.PULUMI_BIN;
  if (given !== undefined && given !== "") return realpathSync(given);
  for (const folder of (process.env.PATH ?? "").split(delimiter)) {
    try {
      return realpathSync(join(folder, "pulumi"));
    } catch {
      // Not in this folder.
    }
  }
  throw new Error("no `pulumi` on PATH; run `npm start` once, or set PULUMI_BIN");
}

/** Copies `pulumi` into the folder: the engine looks for its language host next to its real path. */
function placePulumi(folder: string): void {
  mkdirSync(folder, { recursive: true });
  const pulumi = findPulumi();
  try {
    linkSync(pulumi, join(folder, "pulumi"));
  } catch {
    copyFileSync(pulumi, join(folder, "pulumi"));
  }
}

/** An image of a few of this machine's programs, so that nothing is pulled. */
export function makeImage(name: string): void {
  const programs = "/bin/sh /bin/cat /bin/ls /bin/sleep /bin/stat /bin/true /bin/false";
  const libraries = `$(ldd ${programs} | grep -o '/lib[^ ]*' | sort -u)`;
  const script = `tar -ch ${programs} ${libraries} 2>/dev/null | docker import - ${name}`;
  execFileSync("sh", ["-c", script], { stdio: "pipe" });
}

/** Runs docker. */
export function docker(...args: string[]): string {
  return execFileSync("docker", args, { encoding: "utf8", stdio: "pipe" }).trim();
}

/** One project with its own state, toolchain and stack. */
export class Project {
  readonly folder = mkdtempSync(join(tmpdir(), "plugins-e2e-"));
  readonly program = join(this.folder, "program");
  private readonly toolchain = join(this.folder, "toolchain");

  constructor(program: string) {
    mkdirSync(this.program);
    mkdirSync(join(this.folder, "state"));
    placePulumi(join(this.toolchain, "bin"));
    install(this.toolchain, process.execPath);
    const names = ["pulumi", "docker", "random", "command", "tls"];
    const dependencies = Object.fromEntries(names.map((name) => [`@pulumi/${name}`, "*"]));
    const manifest = { name: "plugins-e2e", type: "module", main: "index.ts", dependencies };
    writeFileSync(join(this.program, "package.json"), JSON.stringify(manifest));
    const project = "name: plugins-e2e\nruntime: { name: nodejs, options: { typescript: false } }\n";
    writeFileSync(join(this.program, "Pulumi.yaml"), project);
    symlinkSync(join(ROOT, "node_modules"), join(this.program, "node_modules"));
    this.write(program);
  }

  /** Replaces the program. */
  write(program: string): void {
    writeFileSync(join(this.program, "index.ts"), program);
  }

  environment(): NodeJS.ProcessEnv {
    return {
      ...process.env,
      PATH: [join(this.toolchain, "bin"), process.env.PATH].join(delimiter),
      PULUMI_HOME: join(this.toolchain, "pulumi-home"),
      PULUMI_BACKEND_URL: `file://${join(this.folder, "state")}`,
      PULUMI_CONFIG_PASSPHRASE: "test",
      PULUMI_CONFIG_PASSPHRASE_FILE: "",
      PULUMI_SKIP_UPDATE_CHECK: "true",
      PULUMI_STACK: "e2e",
      NO_COLOR: "1",
    };
  }

  /** Starts pulumi; the caller can signal it. */
  start(...args: string[]): { pid: number; done: Promise<Result> } {
    const child = spawn(join(this.toolchain, "bin", "pulumi"), [...args, "--non-interactive"], {
      cwd: this.program,
      env: this.environment(),
      stdio: ["ignore", "pipe", "pipe"],
    });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (chunk: string) => {
        output += chunk;
      });
    }
    const done = new Promise<Result>((resolve) => child.on("close", (code) => resolve({ code, output })));
    return { pid: child.pid ?? 0, done };
  }

  /** Runs pulumi to its end. */
  pulumi(...args: string[]): Promise<Result> {
    return this.start(...args).done;
  }

  /** Runs `pulumi up`, which must succeed. */
  async up(...args: string[]): Promise<string> {
    const { code, output } = await this.pulumi("up", "--yes", "--skip-preview", ...args);
    if (code !== 0) throw new Error(`pulumi up failed:\n${output}`);
    return output;
  }

  /** The content of all state files. */
  stateText(): string {
    const folder = join(this.folder, "state");
    const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) =>
      entry.isFile(),
    );
    return files.map((file) => readFileSync(join(file.parentPath, file.name), "utf8")).join("\n");
  }

  /** The project's processes: plugins, programs and the engine. */
  processes(): string[] {
    return readdirSync("/proc").filter((pid) => {
      if (!/^\d+$/.test(pid)) return false;
      try {
        return readFileSync(`/proc/${pid}/environ`, "utf8").includes(`PULUMI_HOME=${this.toolchain}/`);
      } catch {
        return false;
      }
    });
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
