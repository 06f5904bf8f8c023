import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { type ExecResult, exec } from "./exec.ts";

/** Where the Engine listens unless something says otherwise. */
export const DEFAULT_SOCKET = "/var/run/docker.sock";

/**
 * The address of the Engine that everything here talks to: DOCKER_HOST, a socket that the settings name, the usual socket, or
 * else what the Docker client's own context says (Docker Desktop, Colima). The client and Pulumi's plugin differ in where they
 * look, so both get this.
 */
export function dockerHost(socket: string = DEFAULT_SOCKET): string | undefined {
  if (process.env.DOCKER_HOST) return process.env.DOCKER_HOST;
  if (socket !== DEFAULT_SOCKET || existsSync(socket)) return `unix://${socket}`;
  const args = ["context", "inspect", "--format", "{{.Endpoints.docker.Host}}"];
  const { stdout } = spawnSync("docker", args, { encoding: "utf8", timeout: 5000 });
  return stdout?.trim() || undefined;
}

/** Runs the Docker client; which Engine it talks to is decided by DOCKER_HOST in `env`. */
export function docker(
  args: readonly string[],
  env: NodeJS.ProcessEnv,
  timeoutMs = 30_000,
): Promise<ExecResult> {
  return exec("docker", args, { env, timeoutMs });
}

/** The version of the Engine that answers, or `undefined`. */
export async function engineVersion(env: NodeJS.ProcessEnv): Promise<string | undefined> {
  const { code, stdout } = await docker(["version", "--format", "{{.Server.Version}}"], env, 10_000);
  return code === 0 && stdout.trim() ? stdout.trim() : undefined;
}

/** The id of an image that the Engine has, or `undefined`. */
export async function imageId(image: string, env: NodeJS.ProcessEnv): Promise<string | undefined> {
  const { code, stdout } = await docker(["image", "inspect", "--format", "{{.Id}}", image], env);
  return code === 0 ? stdout.trim() : undefined;
}
