import type { Manifest } from "./lib/manifest.ts";
import type { Network } from "./lib/network.ts";

/** What a part may use while it is found, downloaded or built. */
export interface Context {
  /** The checkout. */
  readonly root: string;
  /** The toolchain's folder: everything that is downloaded or built ends there. */
  readonly dir: string;
  /** Checksums of what is in the folder. */
  readonly manifest: Manifest;
  /** Which of the official sources answer, asked once in a run. */
  readonly network: Network;
  /** Whether stand-ins for Pulumi's plugins do where the official ones can't be had. */
  readonly standIns: boolean;
  /** An empty folder for work in progress; it is removed afterwards, also after an interruption. */
  readonly scratch: string;
  /** Environment for child processes, with the toolchain's bin folder first on PATH. */
  readonly env: NodeJS.ProcessEnv;
  /** Says in a few words what is going on now. */
  progress(words: string): void;
}

/**
 * Something the platform needs on this machine. It is looked for first, then fetched from its official source, then
 * made from package registries. Each step answers in a few words which way it came, or `undefined` for "not this way".
 */
export interface Part {
  /** For example `pulumi 3.274.1`. */
  readonly name: string;
  find(context: Context): Promise<string | undefined>;
  download?(context: Context): Promise<string | undefined>;
  build?(context: Context): Promise<string | undefined>;
  /** What a person can do when none of the ways worked. */
  readonly remedy: string;
}
