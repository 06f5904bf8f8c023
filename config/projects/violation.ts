import type { Releases } from "../opencode-releases.ts";
import type { Path } from "../text/yaml.ts";

/** A broken rule: one that needs more than one key of the file, or something outside it. */
export interface Violation {
  readonly path: Path;
  readonly what: string;
  readonly fix?: string;
  /** Points at the key rather than at its value. */
  readonly atKey?: boolean;
}

/** What is known of the stack and its host, outside the file. */
export interface HostContext {
  /** Name of the stack; `local` is this machine. */
  readonly stack: string;
  /** Memory and processors of the host; unknown hosts are not checked against. */
  readonly hostMemoryBytes?: number;
  readonly hostCpus?: number;
  /** Size of a droplet's volume; others are not checked against. */
  readonly volumeBytes?: number;
  /** The host's processor as Node names it: x64 or arm64. Not checked when absent. */
  readonly processor?: string;
  /** Releases of opencode that projects can run. Default: those that the platform pins. */
  readonly releases?: Releases;
  /** Whether the projects' image has only what the platform itself needs. Default: false. */
  readonly slimImage?: boolean;
  /** Whether a secret has a value for a project. Not checked when absent. */
  readonly hasSecret?: (project: string, name: string) => boolean;
  /** What relative paths are relative to. Default: the working directory. */
  readonly directory?: string;
  /** The text of a project's file of `npm run devcontainer`; undefined where there is none. */
  readonly lockOf?: (project: string) => string | undefined;
  /** The same of the stack's own file, which counts first. */
  readonly ownLockOf?: (project: string) => string | undefined;
  /** Whether those files are about to be written, and not checked. */
  readonly isResolving?: boolean;
  /** Whether a local repository's directory exists. Not checked when absent. */
  readonly isDirectory?: (path: string) => boolean;
}
