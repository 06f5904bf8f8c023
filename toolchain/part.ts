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
  /** What makes the parts that can't be had otherwise; nothing does for a stack in a real cloud. */
  readonly builders?: Builders | undefined;
  /** An empty folder for work in progress; it is removed afterwards, also after an interruption. */
  readonly scratch: string;
  /** Environment for child processes, with the toolchain's bin folder first on PATH. */
  readonly env: NodeJS.ProcessEnv;
  /** Says in a few words what is going on now. */
  progress(words: string): void;
}

/**
 * Something the platform needs on this machine. It is looked for first, then fetched from its official source. Each step answers in a few
 * words which way it came, or `undefined` for "not this way".
 */
export interface Part {
  /** For example `pulumi <version>`. */
  readonly name: string;
  find(context: Context): Promise<string | undefined>;
  download?(context: Context): Promise<string | undefined>;
  /** What a person can do when none of the ways worked. */
  readonly remedy: string;
}

/** Makes a part from package registries; answers as a part's own steps do. */
export type Build = (context: Context) => Promise<string | undefined>;

/**
 * Makes what can be neither found nor downloaded, on a machine that reaches package registries alone. The toolchain has none of its own:
 * the lab's are passed in by the commands for the stack `local`, and by the tests.
 */
export interface Builders {
  /** By the part's name. */
  readonly builds: Readonly<Record<string, Build>>;
  /** Writes the stand-ins for Pulumi's plugins into a toolchain's folder; answers the files that were not as they should be. */
  installStandIns(dir: string): string[];
}
