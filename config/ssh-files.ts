/** How this machine reaches a stack's droplet by ssh: files that OpenSSH, and Docker by it, are pointed at. */
import { mkdirSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** What is to be known of a droplet to reach it. The stack's secret output `ssh` has this form. */
export interface SshAccess {
  /** The droplet's name for ssh: it never changes while the droplet is the same. */
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
export const sshConfigFile = (stack: string, alias: string): string =>
  join(".runtime", stack, "ssh", alias, "config");

/** OpenSSH's configuration for a droplet; `directory` has the key in `id` and the pinned host key in `known_hosts`. */
export function sshConfig(access: Omit<SshAccess, "privateKey">, directory: string): string {
  const quoted = (file: string) => `"${join(directory, file)}"`;
  const lines = [
    `HostName ${access.tunnelHostname ?? access.address}`,
    `HostKeyAlias ${access.alias}`,
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
    ...(access.tunnelHostname ? ["ProxyCommand cloudflared access ssh --hostname %h"] : []),
  ];
  return `Host ${access.alias}\n${lines.map((line) => `  ${line}\n`).join("")}`;
}

/** Writes a droplet's ssh files below the checkout, readable by their owner alone, and returns the configuration's path relative to it. */
export function writeSshFiles(checkout: string, stack: string, access: SshAccess): string {
  const file = sshConfigFile(stack, access.alias);
  const directory = join(checkout, file, "..");
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const write = (name: string, text: string) => {
    const unfinished = join(directory, `.${name}.${process.pid}`);
    writeFileSync(unfinished, text, { mode: 0o600 });
    renameSync(unfinished, join(directory, name));
  };
  write("id", access.privateKey.endsWith("\n") ? access.privateKey : `${access.privateKey}\n`);
  write("known_hosts", `${access.alias} ${access.hostKey}\n`);
  write("config", sshConfig(access, directory));
  return file;
}
