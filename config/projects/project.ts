import type { Size } from "../text/sizes.ts";
import type { Destination } from "./destinations.ts";
import type { Devcontainer } from "./devcontainer.ts";
import type { Environment } from "./environment.ts";
import type { Port } from "./ports.ts";
import type { Forge, RepoSource } from "./repo.ts";
import type { Shares } from "./resources.ts";
import type { Service } from "./services.ts";
import type { Sleep } from "./sleep.ts";
import type { Storage } from "./storage.ts";
import type { Trust } from "./trust.ts";

/** What JSON can hold. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** How git authenticates for a project. */
export type GitAuth =
  | { readonly auth: "none" }
  | { readonly auth: "token"; readonly secret: string; readonly username: string }
  | { readonly auth: "ssh"; readonly knownHosts: readonly string[] };

/** Git in a project: how it authenticates, and who makes commits. */
export type Git = GitAuth & {
  /** Author of commits, and address. Absent for the platform's own of the project. */
  readonly name?: string;
  readonly email?: string;
  /** Whether commits are signed with the deploy key: with `ssh` alone. */
  readonly sign: boolean;
  /** Which forge the token is of: with `token` alone, and where that is known. */
  readonly forge?: Forge;
};

/** A project's repository. */
export interface Repo extends RepoSource {
  /** Branch or tag; absent for the repository's own. */
  readonly branch?: string;
  /** Commits to clone; absent for all. */
  readonly depth?: number;
}

/** One of several repositories of a project. */
export interface PlacedRepo extends Repo {
  /** Its folder in the workspace: `api`, `libs/ui`. */
  readonly path: string;
  /** Whether somebody has to look at what it brings before it runs. */
  readonly trust: Trust;
}

/** A project as the program uses it: defaults merged in, sizes parsed, nothing left to guess. */
export interface Project {
  readonly name: string;
  /** Absent: an empty git workspace. A local one's `url` is an absolute path. */
  readonly repo?: Repo;
  /** Several, each in a folder of the workspace, in the file's order; absent for none. Then there is no `repo`. */
  readonly repos?: readonly PlacedRepo[];
  readonly state: "running" | "stopped";
  readonly resources: { readonly memory: Size; readonly cpus: number; readonly pids: number } & Shares;
  /** When it is put to sleep. */
  readonly sleep: Sleep;
  /** Its backups and checkpoints, where the entry says something of them. */
  readonly storage?: Storage;
  /** What its image is built on; absent for the stack's alone. */
  readonly environment?: Environment;
  /** Its repository's devcontainer.json, where it is built on that; what follows from it is in the other fields. */
  readonly devcontainer?: Devcontainer;
  /** Values as text, sorted by name. */
  readonly env: Readonly<Record<string, string>>;
  /** Names, as written. */
  readonly secrets: readonly string[];
  /** What the container may open connections to; each once, in one order. */
  readonly network: { readonly allow: readonly Destination[] };
  /** What its own programs serve that has a hostname; in the file's order. */
  readonly ports: readonly Port[];
  /** Containers beside its own, sorted by name; absent for none. */
  readonly services?: readonly Service[];
  /** Lines of bash that prepare the workspace, once for each text; absent for none. */
  readonly setup?: string;
  /** Lines of bash that run at each start of the container, after `setup`; absent for none. */
  readonly start?: string;
  readonly git: Git;
  /** `config` and `enforce` are merged from defaults and entry: maps key by key, anything else replaced. */
  readonly opencode: {
    /** The exact release. */
    readonly version: string;
    readonly model?: string;
    /** What a repository may override. */
    readonly config: { readonly [key: string]: Json };
    /** What no settings file of a repository overrides. */
    readonly enforce: { readonly [key: string]: Json };
  };
  /** Whether somebody has to look at what the repository brings before it runs. `always` without a repository. */
  readonly trust: Trust;
  /** Lower-case e-mail addresses, sorted, each once, with groups in place. Empty: everyone the stack admits. */
  readonly members: readonly string[];
  /** Whether a service token of its own passes Access to it. */
  readonly machines: boolean;
  /** As members. Empty: the panel's admins alone. */
  readonly owners: readonly string[];
}
