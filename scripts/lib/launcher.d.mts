/** The commands that a team's repository has; the other scripts are not in the package. */
export const TEAM_COMMANDS: readonly string[];
/** Where the hash of the package-lock.json that node_modules was installed from is kept. */
export function stampFile(root: string): string;
export function lockHash(root: string): string;
/** Whether node_modules is what package-lock.json says. */
export function isInstalled(root: string): boolean;
/** The Node that the dependencies bring. */
export function nodeBinary(root: string): string;
/** Where a program's files are: those of a checkout, or of an installed package, which works on the nearest folder with a Pulumi.yaml. */
export function layoutOf(
  home: string,
  cwd: string,
): { isPackage: boolean; root: string; extension: "ts" | "js"; node: string };
/** Where Node keeps compiled code between two commands: in the toolchain's folder. */
export function compileCache(root: string, env: Readonly<Record<string, string | undefined>>): string;
/** Whether the package `node` has fetched its program. */
export function isFetched(node: string): boolean;
/** How a script is called: a name out of the folder scripts, and its arguments. */
export function parseArguments(argv: readonly string[]): { name: string; args: string[] } | undefined;
