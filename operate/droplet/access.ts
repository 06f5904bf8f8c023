import { join } from "node:path";
import * as z from "zod";
import { type SshAccess, sshConfigFile, writeSshFiles } from "../../components/host/ssh-files.ts";
import { shellQuote } from "../../config/text/shell.ts";
import { type ExecOptions, type ExecResult, exec } from "../../toolchain/lib/exec.ts";
import type { RunDocker } from "../docker/containers.ts";
import { root } from "../engine/checkout.ts";
import type { Session } from "../engine/session.ts";
import { type Deployment, plainValue } from "../state/checkpoint.ts";

/** A name that is safe as a directory. */
const SSH_NAME = /^[a-z0-9][a-z0-9.-]*$/i;

const accessSchema: z.ZodType<SshAccess> = z.object({
  name: z.string().regex(SSH_NAME),
  alias: z.string().regex(SSH_NAME),
  address: z.string().min(1),
  hostKey: z.string().min(1),
  privateKey: z.string().min(1),
  tunnelHostname: z.string().optional(),
});

/**
 * Reads how to reach a state's droplets: from the stack's secret output `ssh`, and from its component's,
 * which
 * exists before a first update is complete. The state must have been exported with its secrets.
 */
export function findAccess({ resources }: Deployment): SshAccess[] {
  const found = new Map<string, SshAccess>();
  for (const { type, outputs } of resources) {
    if (type !== "pulumi:pulumi:Stack" && !type.startsWith("opencode:")) continue;
    const access = accessSchema.safeParse(plainValue(outputs.ssh)).data;
    if (access) found.set(access.alias, access);
  }
  return [...found.values()];
}

/**
 * Writes the SSH files of a state's droplets, for commands that do not run the program, and returns
 * the droplets' access.
 */
export function provideAccess({ stack }: Session, deployment: Deployment): SshAccess[] {
  const found = findAccess(deployment);
  for (const access of found) writeSshFiles(root, stack, access);
  return found;
}

/** Runs a shell command on a droplet whose SSH files have been written. */
export function onDroplet(
  { stack }: Pick<Session, "stack">,
  { alias }: Pick<SshAccess, "alias">,
  command: string,
  timeoutMs = 30_000,
  onLine?: ExecOptions["onLine"],
): Promise<ExecResult> {
  const config = join(root, sshConfigFile(stack, alias));
  const options = { timeoutMs, ...(onLine ? { onLine } : {}) };
  return exec("ssh", ["-F", config, alias, "--", command], options);
}

/** Runs the Docker client on a droplet. */
export const dropletDocker =
  (session: Pick<Session, "stack">, access: Pick<SshAccess, "alias">): RunDocker =>
  (args, ...how) =>
    onDroplet(session, access, ["docker", ...args].map(shellQuote).join(" "), ...how);
