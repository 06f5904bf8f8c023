/** The reference implementation of devcontainer.json: a dependency of this package, without dependencies or scripts of its own. */
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { type ExecOptions, type ExecResult, exec } from "../../toolchain/lib/exec.ts";

/** Runs it with these arguments. */
export type DevcontainerCli = (
  args: readonly string[],
  onLine?: ExecOptions["onLine"],
) => Promise<ExecResult>;

const require = createRequire(import.meta.url);
const MANIFEST = "@devcontainers/cli/package.json";

/** The release that is pinned. */
export const cliVersion = (): string => (require(MANIFEST) as { version: string }).version;

/** Milliseconds for an image with big features. */
const TIMEOUT_MS = 3_600_000;

/**
 * What it gets of the environment: where programs, registries' log-ins and proxies are. A devcontainer.json can name any variable of the machine
 * (`${localEnv:…}`) and have it in the image, so tokens, passphrases and the like are not among them, nor is a proxy with credentials.
 */
const VARIABLES =
  /^(PATH|HOME|USER|LANG|LC_\w+|TZ|(HTTPS?|NO|ALL)_PROXY|SSL_CERT_(FILE|DIR)|NODE_EXTRA_CA_CERTS|DOCKER_(CONFIG|HOST|BUILDKIT))$/i;

const isPassed = ([name, value = ""]: readonly [string, string | undefined]): boolean =>
  VARIABLES.test(name) && !(/_PROXY$/i.test(name) && value.includes("@"));

/**
 * @param env of the Docker client
 * @param temporary where it keeps what it downloads
 */
export function devcontainerCli(env: NodeJS.ProcessEnv, temporary: string): DevcontainerCli {
  const program = join(dirname(require.resolve(MANIFEST)), "devcontainer.js");
  const kept = Object.entries(env).filter(isPassed);
  const options = {
    env: { ...Object.fromEntries(kept), TMPDIR: temporary },
    timeoutMs: TIMEOUT_MS,
  };
  return ([command = "", ...args], onLine) => {
    const all = [program, command, "--user-data-folder", join(temporary, "data"), ...args];
    return exec(process.execPath, all, { ...options, ...(onLine ? { onLine } : {}) });
  };
}
