import type { Manifest } from "./lib/manifest.ts";
import type { Network } from "./lib/network.ts";

/** Context of finding, downloading or building a part. */
export interface Context {
  /** The checkout. */
  readonly root: string;
  /** The toolchain's folder, with everything that is downloaded or built. */
  readonly dir: string;
  /** Checksums of the folder's files. */
  readonly manifest: Manifest;
  /** Which official sources are reachable, checked once per run. */
  readonly network: Network;
  /** Builders of parts that can't be downloaded; none for a stack in a real cloud. */
  readonly builders?: Builders | undefined;
  /** An empty temporary folder; it is removed afterwards, even after an interruption. */
  readonly scratch: string;
  /** Environment for child processes, with the toolchain's bin folder first on PATH. */
  readonly env: NodeJS.ProcessEnv;
  /** Reports the current step in a few words. */
  progress(words: string): void;
}

/**
 * A tool that the platform needs on this machine: looked for first, then downloaded from its official source.
 * Each step returns in a few words how it succeeded, or `undefined` if it does not apply.
 */
export interface Part {
  /** Such as `pulumi <version>`. */
  readonly name: string;
  find(context: Context): Promise<string | undefined>;
  download?(context: Context): Promise<string | undefined>;
  /** What to do if every way failed. */
  readonly remedy: string;
}

/** Builds a part from package registries; returns the same as a part's own steps. */
export type Build = (context: Context) => Promise<string | undefined>;

/**
 * Builds what can't be found or downloaded, on a machine that only reaches package registries. The toolchain
 * has no builders: commands for the stack `local` and tests pass in the lab's.
 */
export interface Builders {
  /** By the part's name. */
  readonly builds: Readonly<Record<string, Build>>;
  /**
   * Writes the stand-ins for Pulumi's plugins into a toolchain's folder; returns the files that were not up
   * to date.
   */
  installStandIns(dir: string): string[];
}
