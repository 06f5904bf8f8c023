import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import * as docker from "@pulumi/docker";
import type * as pulumi from "@pulumi/pulumi";
import {
  GUARD_DIR,
  KEEPER_DIR,
  LOCAL_RUNTIME_DIR,
  ROUTES_DIR,
  WORKSPACES_RECORD,
} from "../../config/naming/names.ts";
import type { Settings } from "../../config/stack/settings.ts";
import { localWorkspaces } from "../../config/stack/workspaces-dir.ts";
import { shellQuote } from "../../config/text/shell.ts";
import { Command } from "./lean.ts";
import { localUsers, makeOwnedDirectory, type User } from "./users.ts";

/** Of systemd-resolved. */
export const RESOLVER_DIR = "/run/systemd/resolve";

/** A machine with a Docker daemon, on which everything else is made. */
export interface Host {
  /** Speaks to the machine's Docker daemon. */
  readonly provider: docker.Provider;
  /** Identity of a machine that can be replaced: with another one, all that was on it is gone. */
  readonly machine?: pulumi.Output<string>;
  /** Where people and tests reach the machine: an IP address or a hostname. */
  readonly address: pulumi.Input<string>;
  /** Absolute path, on the machine, of the directory that holds one workspace per project. */
  readonly workspacesDir: string;
  /** Absolute path, on the machine, of what the platform writes for itself (Traefik's routes). Can be made again by an update. */
  readonly runtimeDir: string;
  /** Platform of the images that the machine runs, as Docker calls it. */
  readonly platform: string;
  /** How the machine's Docker is asked for an image of a registry: with the digest that is pinned for it, or without. */
  imageOf(image: string): string;
  /** Path of the Docker socket on the machine. */
  readonly dockerSocket: string;
  /** Directory on the machine of systemd-resolved's own resolv.conf, which Docker reads where /etc/resolv.conf only names a stub. */
  readonly resolverDir?: string;
  /** What a project's directories may hold together where its entry does not say, in bytes. Absent where nothing limits them by default. */
  readonly diskBytes?: number;
  /** Whether projects must not run where no packet rules can be written: on a droplet. Elsewhere that is only said. */
  readonly needsGuard: boolean;
  /** Whom the platform's own containers run as. Its group is that of all projects. */
  readonly user: User;
  /** Whom a project's container runs as: the owner of its directories. The kernel's limits for a user are each project's own, where the host can give it one. */
  userOf(project: string): User;
  /** Shell command that makes a directory and gives it to `user`, where whoever runs it may. */
  makeDirectory(path: string): string;
  /** Shell command that makes a project's directory and gives it, with all that is in it, to the project's user. */
  makeDirectoryOf(project: string, path: string): string;
  /** Shell command by which the machine that deploys runs a script on this one. Known before there is a machine. */
  remote(script: string): string;
  /** Runs shell commands on the machine as part of the resource graph. */
  run(name: string, args: HostCommandArgs, opts: pulumi.CustomResourceOptions): pulumi.CustomResource;
}

/** Options of what is made by a host's Docker daemon: another machine wants all of it anew. */
export const onHost = ({ provider, machine }: Host): pulumi.CustomResourceOptions => ({
  provider,
  ...(machine ? { replacementTrigger: machine } : {}),
});

export interface HostCommandArgs {
  /** Runs when the resource is made, and again when `create` or `stdin` changes. */
  create: pulumi.Input<string>;
  /** Runs when the resource is removed. Default: nothing. */
  delete?: pulumi.Input<string>;
  /** Given to the command on its standard input. The place for secrets: never in `create`, which previews show. */
  stdin?: pulumi.Input<string>;
  /** Which of its output an update shows. Default: none. */
  logging?: "stderr";
  /** The command runs afresh when one of these changes. */
  triggers?: pulumi.Input<pulumi.Input<string>[]>;
}

/**
 * The Docker daemon of this machine: the stack `local`. `DOCKER_HOST` is honoured, as everywhere.
 * Containers run as localUsers() says.
 */
export function localHost(settings: Settings, checkout: string): Host {
  const runtimeDir = join(checkout, LOCAL_RUNTIME_DIR);
  const isRoot = process.getuid?.() === 0;
  const { user, userOf } = localUsers();
  // Docker would make a missing mount source itself, owned by root.
  for (const directory of [ROUTES_DIR, GUARD_DIR, KEEPER_DIR])
    mkdirSync(join(runtimeDir, directory), { recursive: true });
  return {
    provider: new docker.Provider("local"),
    address: "127.0.0.1",
    workspacesDir: workspacesOf(settings, checkout),
    runtimeDir,
    platform: process.arch === "arm64" ? "linux/arm64" : "linux/amd64",
    // The toolchain has pulled it by its digest, or made it, and then there is none.
    imageOf: (image) => image,
    dockerSocket: settings.dockerSocket,
    // Docker Desktop shares no such directory with its machine.
    ...(existsSync(join(RESOLVER_DIR, "resolv.conf")) ? { resolverDir: RESOLVER_DIR } : {}),
    needsGuard: false,
    user,
    userOf,
    makeDirectory: (path) =>
      `mkdir -p ${shellQuote(path)}${isRoot ? ` && chown ${user.uid}:${user.gid} ${shellQuote(path)}` : ""}`,
    makeDirectoryOf: (project, path) =>
      isRoot ? makeOwnedDirectory(path, userOf(project)) : `mkdir -p ${shellQuote(path)}`,
    remote: (script) => script,
    run: (name, args, opts) => new Command(name, { ...args, logging: args.logging ?? "none" }, opts),
  };
}

/** The workspaces' directory. The one of the checkout's own is written down, so that a checkout that is moved finds it again. */
function workspacesOf(settings: Settings, checkout: string): string {
  const { path, kind } = localWorkspaces(settings, checkout);
  if (kind === "default") {
    const record = join(checkout, WORKSPACES_RECORD);
    mkdirSync(dirname(record), { recursive: true });
    writeFileSync(record, `${path}\n`);
  }
  return path;
}
