// What backups leave out: what a command makes again, and what only the machine it is on needs. docs/backup.md has the list, which a test compares.

/** Folders of a home; their paths begin with its own. */
const HOME = [
  ".cache",
  ".npm",
  ".bun/install/cache",
  ".cargo/git",
  ".cargo/registry",
  ".gradle/caches",
  ".local/share/Trash",
  ".local/share/opencode/log",
  ".local/share/opencode/tmp",
  ".local/share/pnpm/store",
  ".m2/repository",
  ".nuget/packages",
  ".vscode-server",
  "go/pkg/mod",
];

/** Folders anywhere. */
const ANYWHERE = [
  ".mypy_cache",
  ".next/cache",
  ".nox",
  ".parcel-cache",
  ".pnpm-store",
  ".pytest_cache",
  ".ruff_cache",
  ".terraform/providers",
  ".tox",
  ".turbo",
  ".venv",
  "__pycache__",
  "node_modules",
];

/** Beside these, restic leaves out folders that say they are caches, by a file CACHEDIR.TAG: `target` of Cargo, for one. */
export const DEFAULT_EXCLUDES = [...ANYWHERE, ...HOME.map((path) => `/home/${path}`)];

/** opencode's database in the home, of both majors: the file, and what is written of it but not yet in it. Its third file is memory. */
export const DATABASE = ".local/share/opencode";
export const DATABASE_FILES = /^opencode\.db(-wal)?$/;
export const ALWAYS = [`/home/${DATABASE}/opencode.db-shm`];

/** A path as a pattern that fits it alone. */
export const literally = (path) => path.replace(/[\\*?[\]]/g, "\\$&");

/**
 * Patterns as restic takes them: those that begin with a slash begin at a part (`/home/.cache`), and restic's begin at the root of the file system.
 * @param {readonly string[]} patterns
 * @param {string} root the folder with the parts
 */
export const forRestic = (patterns, root) =>
  patterns.map((pattern) => (pattern.startsWith("/") ? literally(root) + pattern : pattern));

/**
 * The same as words for find, run in one part: its own patterns, and those for anywhere.
 * @param {readonly string[]} patterns @param {string} part
 */
export function forFind(patterns, part) {
  const tests = patterns.flatMap((pattern) => {
    const plain = pattern.replaceAll("**", "*").replace(/\/$/, "");
    if (plain.startsWith(`/${part}/`)) return [["-path", `.${plain.slice(part.length + 1)}`]];
    if (plain.startsWith("/")) return [];
    return [plain.includes("/") ? ["-path", `*/${plain}`] : ["-name", plain]];
  });
  return tests.flatMap((test, index) => (index === 0 ? test : ["-o", ...test]));
}
