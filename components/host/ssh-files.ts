/** How this machine reaches a stack's droplet by ssh: files that OpenSSH, and Docker by it, are pointed at. */
import { mkdirSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { LOCAL_RUNTIME_DIR } from "../../config/naming/names.ts";

/** What is to be known of a droplet to reach it. The stack's secret output `ssh` has this form. */
export interface SshAccess {
  /** Name for ssh of whichever droplet the stack has: known before there is any. */
  readonly name: string;
  /** The droplet's own name for ssh, by which it is still reached when another has taken its place. */
  readonly alias: string;
  /** IPv4 address of the droplet. */
  readonly address: string;
  /** The droplet's host key, `ssh-ed25519 AAAA…`: no other is accepted. */
  readonly hostKey: string;
  /** Private key of the platform, in OpenSSH's form. */
  readonly privateKey: string;
  /** Hostname of the tunnel's SSH application, where connections go through the tunnel; by the address otherwise. */
  readonly tunnelHostname?: string;
}

/** Whom the platform is on the droplet. */
export const SSH_USER = "root";

/** A droplet's ssh configuration, relative to the checkout, in which Pulumi and its plugins run. */
export const sshConfigFile = (stack: string, name: string): string =>
  join(LOCAL_RUNTIME_DIR, stack, "ssh", name, "config");

/** OpenSSH's configuration for a droplet under one of its names; `directory` has the key in `id` and the pinned host key in `known_hosts`. */
export function sshConfig(
  name: string,
  { address, tunnelHostname }: Pick<SshAccess, "address" | "tunnelHostname">,
  directory: string,
): string {
  const quoted = (file: string) => `"${join(directory, file)}"`;
  const lines = [
    `HostName ${tunnelHostname ?? address}`,
    `HostKeyAlias ${name}`,
    `User ${SSH_USER}`,
    `IdentityFile ${quoted("id")}`,
    "IdentitiesOnly yes",
    `UserKnownHostsFile ${quoted("known_hosts")}`,
    "GlobalKnownHostsFile /dev/null",
    "StrictHostKeyChecking yes",
    "BatchMode yes",
    "ConnectTimeout 15",
    "ServerAliveInterval 15",
    "LogLevel ERROR",
    ...(tunnelHostname ? ["ProxyCommand cloudflared access ssh --hostname %h"] : []),
  ];
  return `Host ${name}\n${lines.map((line) => `  ${line}\n`).join("")}`;
}

/** Writes a droplet's ssh files below the checkout, readable by their owner alone, under both of its names. */
export function writeSshFiles(checkout: string, stack: string, access: SshAccess): void {
  for (const name of [access.name, access.alias]) {
    const directory = dirname(join(checkout, sshConfigFile(stack, name)));
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    const write = (file: string, text: string) => {
      const unfinished = join(directory, `.${file}.${process.pid}`);
      writeFileSync(unfinished, text, { mode: 0o600 });
      renameSync(unfinished, join(directory, file));
    };
    write("id", access.privateKey.endsWith("\n") ? access.privateKey : `${access.privateKey}\n`);
    write("known_hosts", `${name} ${access.hostKey}\n`);
    write("config", sshConfig(name, access, directory));
  }
}
