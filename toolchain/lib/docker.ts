import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { type ExecOptions, type ExecResult, exec } from "./exec.ts";

/** Docker's default socket. */
export const DEFAULT_SOCKET = "/var/run/docker.sock";

/**
 * The Engine's address for everything here: DOCKER_HOST, the settings' socket, the default socket, or the
 * Docker client's current context (Docker Desktop, Colima). The client and Pulumi's plugin search
 * differently, so both get this address.
 */
export function dockerHost(socket: string = DEFAULT_SOCKET): string | undefined {
  if (process.env.DOCKER_HOST) return process.env.DOCKER_HOST;
  if (socket !== DEFAULT_SOCKET || existsSync(socket)) return `unix://${socket}`;
  const args = ["context", "inspect", "--format", "{{.Endpoints.docker.Host}}"];
  const { stdout } = spawnSync("docker", args, { encoding: "utf8", timeout: 5000 });
  return stdout?.trim() || undefined;
}

/** Runs the Docker client; DOCKER_HOST in `env` selects the Engine. */
export function docker(
  args: readonly string[],
  env: NodeJS.ProcessEnv,
  timeoutMs = 30_000,
  onLine?: ExecOptions["onLine"],
): Promise<ExecResult> {
  return exec("docker", args, { env, timeoutMs, ...(onLine ? { onLine } : {}) });
}

/** The version of the Engine, or `undefined` if it is not responding. */
export async function engineVersion(env: NodeJS.ProcessEnv): Promise<string | undefined> {
  const { code, stdout } = await docker(["version", "--format", "{{.Server.Version}}"], env, 10_000);
  return code === 0 && stdout.trim() ? stdout.trim() : undefined;
}

/** The id of an image in the Engine, or `undefined`. */
export async function imageId(image: string, env: NodeJS.ProcessEnv): Promise<string | undefined> {
  const { code, stdout } = await docker(["image", "inspect", "--format", "{{.Id}}", image], env);
  return code === 0 ? stdout.trim() : undefined;
}
