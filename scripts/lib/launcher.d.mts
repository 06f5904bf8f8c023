/** Commands in a team's repository; the other scripts are not in the package. */
export const TEAM_COMMANDS: readonly string[];
/** The file with the hash of the package-lock.json that node_modules was installed from. */
export function stampFile(root: string): string;
export function lockHash(root: string): string;
/** Whether node_modules matches package-lock.json. */
export function isInstalled(root: string): boolean;
/** The environment of an install, without what updates need. */
export function installEnvironment(env: Readonly<Record<string, string | undefined>>): Record<string, string>;
/** How an install runs npm: by a Node that it does not replace. */
export function npmOf(
  root: string,
  env: Readonly<Record<string, string | undefined>>,
  execPath: string,
): { command: string; first: readonly string[]; env: Record<string, string> };
/** npm's arguments, one call after the other, that install the dependencies. */
export const INSTALL_STEPS: readonly (readonly string[])[];
/** The Node from the dependencies. */
export function nodeBinary(root: string): string;
/** Paths of a checkout, or of an installed package, which works on the nearest folder with a Pulumi.yaml. */
export function layoutOf(
  home: string,
  cwd: string,
): { isPackage: boolean; root: string; extension: "ts" | "js"; node: string };
/** Node's cache of compiled code between commands, in the toolchain's folder. */
export function compileCache(root: string, env: Readonly<Record<string, string | undefined>>): string;
/** Whether the package `node` has downloaded its program. */
export function isFetched(node: string): boolean;
/** Parses a script's command line: a name from the folder scripts, and its arguments. */
export function parseArguments(argv: readonly string[]): { name: string; args: string[] } | undefined;
