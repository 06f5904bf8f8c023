import { randomBytes } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { readStackFile } from "../../config/stack/secrets.ts";
import {
  parseSettings,
  SETTINGS_NAMESPACE,
  type Settings,
  withoutNamespace,
} from "../../config/stack/settings.ts";
import { readOptional } from "../../config/text/read-optional.ts";
import { dockerHost } from "../../toolchain/lib/docker.ts";
import { toolchainDir } from "../../toolchain/paths.ts";

/** The stack of this machine. */
export const STACK = "local";
/** The project's name in Pulumi.yaml; state and locks are stored under it. */
export const PROJECT = SETTINGS_NAMESPACE;

/** The directory of this program: a checkout, or the installed package. */
export const packageRoot = join(import.meta.dirname, "../..");
/**
 * The directory of the team's files (projects.yaml, state, tools): set by an installed package's launcher;
 * otherwise the checkout.
 */
export const root = process.env.OPENCODE_PLATFORM_ROOT || packageRoot;
/** Whether the program is installed as a dependency of the team's repository. */
export const isPackage = root !== packageRoot;
/** The program's version, from its package.json. */
export function readVersion(): string {
  return (JSON.parse(readFileSync(join(packageRoot, "package.json"), "utf8")) as { version: string }).version;
}

export const stateDir = join(root, ".state");
export const logsDir = join(stateDir, "logs");
export const toolchain = toolchainDir(root);
export const backendUrl = pathToFileURL(stateDir).href;
export const passphraseFile = join(stateDir, "passphrase");

/** Creates the local state's directory and the passphrase for its secrets, unless they exist. */
export function prepareState(): void {
  mkdirSync(logsDir, { recursive: true });
  chmodSync(stateDir, 0o700);
  if (!existsSync(passphraseFile)) {
    writeFileSync(passphraseFile, randomBytes(32).toString("base64url"), { mode: 0o600, flag: "wx" });
  }
}

/** The stack's settings, with defaults. @throws UserError if they are invalid */
export function readSettings(): Settings {
  const file = `Pulumi.${STACK}.yaml`;
  return parseSettings(withoutNamespace(readStackFile(readOptional(join(root, file)), file).plain));
}

/** Environment of the Docker client. */
export function dockerEnv({ dockerSocket }: Pick<Settings, "dockerSocket">): NodeJS.ProcessEnv {
  const host = dockerHost(dockerSocket);
  return host ? { ...process.env, DOCKER_HOST: host } : process.env;
}
