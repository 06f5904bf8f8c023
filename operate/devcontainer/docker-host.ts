/** The Docker of a stack's host for a program that speaks to it itself: a droplet's socket comes here by ssh while it runs. */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { sshConfigFile } from "../../components/host/ssh-files.ts";
import { fail } from "../../config/errors.ts";
import type { Settings } from "../../config/stack/settings.ts";
import { DEFAULT_SOCKET } from "../../toolchain/lib/docker.ts";
import { provideAccess } from "../droplet/access.ts";
import { dockerEnv, root } from "../engine/checkout.ts";
import type { Session } from "../engine/session.ts";
import { readState } from "../state/state.ts";

/** Milliseconds for ssh to connect, and between looks at the socket. */
const [CONNECT_MS, LOOK_MS] = [60_000, 100];

/**
 * Calls with the environment of a Docker client of the stack's host.
 * @param temporary a folder with a short path, for a socket
 * @throws UserError if the stack has no host yet, or it can't be reached
 */
export async function withDocker<T>(
  session: Session,
  settings: Settings,
  temporary: string,
  work: (env: NodeJS.ProcessEnv) => Promise<T>,
): Promise<T> {
  const path = { PATH: session.variables.PATH ?? process.env.PATH };
  if (session.isLocal) return work({ ...dockerEnv(settings), ...path });
  const access = provideAccess(session, await readState(session)).at(-1);
  if (!access)
    return fail(
      "conflict",
      session.stack,
      "has no droplet to build on yet",
      "make it first, without the entry, by npm run pulumi -- up",
    );
  const socket = join(temporary, "docker.sock");
  const config = join(root, sshConfigFile(session.stack, access.alias));
  const close = await forward(["-F", config, access.alias], socket, { ...process.env, ...path });
  try {
    return await work({ ...process.env, ...path, DOCKER_HOST: `unix://${socket}` });
  } finally {
    close();
  }
}

/**
 * Has ssh pass on what comes to a socket here to Docker's there.
 * @param to ssh's options and the host
 * @param env of ssh
 * @returns ends it
 * @throws UserError with ssh's words
 */
export async function forward(
  to: readonly string[],
  socket: string,
  env: NodeJS.ProcessEnv = process.env,
): Promise<() => void> {
  const options = ["-N", "-o", "ExitOnForwardFailure=yes", "-o", "StreamLocalBindMask=0177"];
  const ssh = spawn("ssh", [...options, "-L", `${socket}:${DEFAULT_SOCKET}`, ...to], {
    env,
    stdio: ["ignore", "ignore", "pipe"],
  });
  let said = "";
  ssh.stderr.setEncoding("utf8").on("data", (text: string) => {
    said += text;
  });
  ssh.on("error", ({ message }) => {
    said += message;
  });
  const close = () => void ssh.kill();
  process.once("exit", close);
  const until = Date.now() + CONNECT_MS;
  while (!existsSync(socket)) {
    if (ssh.exitCode !== null || ssh.pid === undefined || Date.now() > until) {
      close();
      fail("environment", to.at(-1) ?? "ssh", `can't be reached: ${said.trim() || "no answer"}`);
    }
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
  return () => {
    process.off("exit", close);
    close();
  };
}
