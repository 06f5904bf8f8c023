/** Where the hash of the package-lock.json that node_modules was installed from is kept. */
export function stampFile(root: string): string;
export function lockHash(root: string): string;
/** Whether node_modules is what package-lock.json says. */
export function isInstalled(root: string): boolean;
/** The Node that the dependencies bring. */
export function nodeBinary(root: string): string;
/** How a script is called: a name out of the folder scripts, and its arguments. */
export function parseArguments(argv: readonly string[]): { name: string; args: string[] } | undefined;
