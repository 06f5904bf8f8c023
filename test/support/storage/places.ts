/** Places for backups on this machine: a server that speaks S3, and one of ssh. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { s3Server } from "../../../lab/build/s3-server.ts";
import { freePort } from "../free-port.ts";
import { must } from "../run.ts";
import { waitFor } from "../wait.ts";

/** What the storage program is told of a place: part of its config. */
export interface Place {
  readonly config: {
    readonly repository: string;
    readonly files: Readonly<Record<string, string>>;
    readonly sftp?: object;
  };
  /** The server's own folder of it. */
  readonly folder: string;
  stop(): Promise<void>;
}

const KEY = { id: "backup-test", secret: "a-secret-of-the-test" };

export function credentials(folder: string, name: string, { id, secret } = KEY): string {
  const path = join(folder, name);
  writeFileSync(path, `[default]\naws_access_key_id = ${id}\naws_secret_access_key = ${secret}\n`, {
    mode: 0o400,
  });
  return path;
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill();
  await once(child, "exit");
}

const listens = (port: number) =>
  waitFor(`port ${port} to listen`, async () => {
    const socket = connect(port, "127.0.0.1");
    const isOpen = await new Promise<boolean>((resolve) => {
      socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
    });
    socket.destroy();
    return isOpen ? { done: true } : { seen: "closed" };
  });

/** A bucket of versitygw's, which checks each request's signature. @param data where the server keeps it */
export async function startS3(folder: string, data: string, toolchain: string): Promise<Place> {
  const port = await freePort();
  mkdirSync(join(data, "bucket"), { recursive: true });
  const child = spawn(s3Server(toolchain), ["--port", `127.0.0.1:${port}`, "posix", data], {
    env: { PATH: process.env.PATH, ROOT_ACCESS_KEY: KEY.id, ROOT_SECRET_KEY: KEY.secret },
    stdio: "ignore",
  });
  await listens(port);
  return {
    folder: join(data, "bucket"),
    config: {
      repository: `s3:http://127.0.0.1:${port}/bucket/prod`,
      files: { credentials: credentials(folder, "credentials") },
    },
    stop: () => ended(child),
  };
}

/** A directory behind sshd, which lets one key in. */
export async function startSftp(folder: string): Promise<Place> {
  const port = await freePort();
  const at = (name: string) => join(folder, name);
  for (const key of ["ssh_host", "ssh_key"])
    await must("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", at(key)]);
  writeFileSync(at("authorized"), readFileSync(at("ssh_key.pub")));
  chmodSync(at("authorized"), 0o600);
  mkdirSync("/run/sshd", { recursive: true });
  const lines = [
    `Port ${port}`,
    "ListenAddress 127.0.0.1",
    `HostKey ${at("ssh_host")}`,
    `AuthorizedKeysFile ${at("authorized")}`,
    "PermitRootLogin prohibit-password",
    "StrictModes no",
    "UsePAM no",
    `PidFile ${at("sshd.pid")}`,
    "Subsystem sftp internal-sftp",
  ];
  writeFileSync(at("sshd_config"), `${lines.join("\n")}\n`);
  const child = spawn("/usr/sbin/sshd", ["-D", "-e", "-f", at("sshd_config")], { stdio: "ignore" });
  await listens(port);
  const [type = "", key = ""] = readFileSync(at("ssh_host.pub"), "utf8").split(" ");
  writeFileSync(at("known_hosts"), `[127.0.0.1]:${port} ${type} ${key}\n`);
  const data = at("remote");
  return {
    folder: data,
    config: {
      repository: `sftp://root@127.0.0.1:${port}/${data}`,
      sftp: { user: "root", host: "127.0.0.1", port },
      files: { sshKey: at("ssh_key"), knownHosts: at("known_hosts") },
    },
    stop: () => ended(child),
  };
}
