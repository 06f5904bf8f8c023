import { spawn } from "node:child_process";
import { closeSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fail } from "../../config/errors.ts";
import { DOCKER_OLDEST } from "../../config/versions.ts";
import { aptInstall, canApt } from "../lib/apt.ts";
import { DEFAULT_SOCKET, docker, engineVersion } from "../lib/docker.ts";
import { exec, lastLines, which } from "../lib/exec.ts";
import { type Holder, isHeldBy, startTime } from "../lib/lock.ts";
import { compareVersions } from "../lib/words.ts";
import type { Context, Part } from "../part.ts";

const START_MS = 60_000;
const pidFile = (dir: string) => join(dir, "dockerd.json");
const logFile = (dir: string) => join(dir, "dockerd.log");

export const dockerPart: Part = {
  name: "docker",
  remedy: "install Docker (https://docs.docker.com/get-docker), start it, and check with `docker version`",

  async find({ env, dir }) {
    if (which("docker")) {
      const version = await engineVersion(env);
      if (version) return isOurs(dir) ? `${version}, started by an earlier run` : checked(version);
      await assertPermitted(env);
    }
    const elsewhere = env.DOCKER_HOST;
    // An Engine that is started here listens on the default socket.
    if (!elsewhere || elsewhere === `unix://${DEFAULT_SOCKET}`) return undefined;
    fail(
      "environment",
      "docker",
      `no Docker Engine at DOCKER_HOST=${elsewhere}`,
      "start it, or unset DOCKER_HOST",
    );
  },

  /** Installs the distribution's packages and starts the Engine. */
  async download(context) {
    const installed = which("dockerd", `${process.env.PATH}:/usr/sbin:/sbin`) && which("docker");
    if (!installed && !canApt()) return undefined;
    if (!installed) await installPackages(context);
    const way = await start(context);
    const version = await engineVersion(context.env);
    return `${version}, ${installed ? "" : "installed from Debian's packages and "}started ${way}`;
  },
};

/** The running dockerd that an earlier run started. */
export function ownDockerd(dir: string): Holder | undefined {
  try {
    const holder = JSON.parse(readFileSync(pidFile(dir), "utf8")) as Holder;
    return isHeldBy(holder) ? holder : undefined;
  } catch {
    return undefined;
  }
}

/** Ends the dockerd that an earlier run started; returns whether there was one. */
export async function stopDockerd(dir: string): Promise<boolean> {
  const holder = ownDockerd(dir);
  if (holder) {
    process.kill(holder.pid, "SIGTERM");
    for (let waited = 0; waited < 30_000 && isHeldBy(holder); waited += 200) await sleep(200);
  }
  rmSync(pidFile(dir), { force: true });
  return holder !== undefined;
}

/** Refuses to start a second Engine if one is running that this user can't access. */
async function assertPermitted(env: NodeJS.ProcessEnv): Promise<void> {
  const { stderr } = await docker(["version"], env, 10_000);
  if (!/permission denied/i.test(stderr)) return;
  const fix = "`sudo usermod -aG docker $USER`, then log in again";
  fail("environment", "docker", "Docker is running, but this user has no permission to use it", fix);
}

function checked(version: string): string {
  if (compareVersions(version, DOCKER_OLDEST) >= 0) return `${version}, already installed`;
  fail("environment", "docker", `the Engine is ${version}, older than ${DOCKER_OLDEST}`, "upgrade Docker");
}

const isOurs = (dir: string): boolean => ownDockerd(dir) !== undefined;

/** Newer releases have the client in a separate package. */
async function installPackages({ progress }: Context): Promise<void> {
  await aptInstall(["docker.io", "ca-certificates", "iptables"], progress);
  if (!which("docker")) await aptInstall(["docker-cli"], progress);
}

async function start(context: Context): Promise<string> {
  const { dir, env, progress } = context;
  const hasSystemd = readFileSync("/proc/1/comm", "utf8").trim() === "systemd";
  progress("starting");
  if (hasSystemd) await exec("systemctl", ["start", "docker"], { timeoutMs: START_MS });
  else startDetached(dir);
  for (let waited = 0; waited < START_MS; waited += 300) {
    if (await engineVersion(env)) return hasSystemd ? "by systemd" : `here (log: ${logFile(dir)})`;
    if (!hasSystemd && !isOurs(dir)) break;
    await sleep(300);
  }
  const said = hasSystemd
    ? "see `journalctl -u docker`"
    : lastLines(readFileSync(logFile(dir), "utf8").trim(), 5);
  fail(
    "environment",
    "docker",
    `the Docker Engine failed to start:\n${said}`,
    "fix that, then run this again",
  );
}

function startDetached(dir: string): void {
  const log = openSync(logFile(dir), "a", 0o600);
  const env = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` };
  const child = spawn("dockerd", [], { detached: true, stdio: ["ignore", log, log], env });
  child.on("error", () => {});
  child.unref();
  closeSync(log);
  if (child.pid === undefined) return;
  const holder: Holder = { pid: child.pid, started: startTime(child.pid) };
  writeFileSync(pidFile(dir), JSON.stringify(holder));
}
