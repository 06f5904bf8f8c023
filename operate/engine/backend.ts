import { readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { parse } from "yaml";
import { backendUrl, passphraseFile, root, stateDir } from "./checkout.ts";

/** Where a stack's state is stored. */
export interface Backend {
  /** Value for PULUMI_BACKEND_URL; `undefined` where Pulumi decides (its own service, Pulumi.yaml). */
  readonly url?: string;
  /** The folder of a file backend on this machine. */
  readonly folder?: string;
  /** Whether it is this checkout's own. */
  readonly isOwn: boolean;
  /** Display name: `file:///…/.state`, `Pulumi Cloud`. */
  readonly label: string;
}

const OWN: Backend = { url: backendUrl, folder: stateDir, isOwn: true, label: backendUrl };

/** The user's choices of a backend. */
export interface BackendWishes {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** `backend.url` of Pulumi.yaml. */
  readonly project?: string | undefined;
}

/**
 * Chooses a stack's backend. This machine's stack is in this checkout. Any other uses the environment, then
 * Pulumi.yaml, then Pulumi Cloud if there is only a token for it, then this checkout.
 */
export function chooseBackend(isLocal: boolean, { env, project }: BackendWishes): Backend {
  if (isLocal) return OWN;
  // `npm run env` puts the checkout's own into the shell; that is no choice for other stacks.
  const given = env.PULUMI_BACKEND_URL === backendUrl ? undefined : env.PULUMI_BACKEND_URL;
  const url = given || project;
  if (url) {
    const folder = localFolder(url);
    if (folder === stateDir) return OWN;
    return { ...(given ? { url } : {}), ...(folder ? { folder } : {}), isOwn: false, label: url };
  }
  return env.PULUMI_ACCESS_TOKEN ? { isOwn: false, label: "Pulumi Cloud" } : OWN;
}

/** The folder of a `file://` backend. */
export function localFolder(url: string): string | undefined {
  if (!url.startsWith("file://")) return undefined;
  const path = url.slice("file://".length).replace(/[?#].*$/, "");
  if (path === "~" || path.startsWith("~/")) return join(homedir(), path.slice(1));
  return resolve(root, path);
}

/** The variables that select the passphrase of a stack's secrets. */
export interface PassphraseVariables {
  readonly PULUMI_CONFIG_PASSPHRASE?: string | undefined;
  readonly PULUMI_CONFIG_PASSPHRASE_FILE?: string | undefined;
}

/**
 * Chooses a stack's passphrase: the checkout's own for this machine's stack; the user's for any other, or the
 * checkout's own if none is set and the state is in this checkout.
 */
export function choosePassphrase(
  isLocal: boolean,
  backend: Pick<Backend, "isOwn">,
  env: Readonly<Record<string, string | undefined>>,
): PassphraseVariables {
  const own = { PULUMI_CONFIG_PASSPHRASE: undefined, PULUMI_CONFIG_PASSPHRASE_FILE: passphraseFile };
  if (isLocal) return own;
  if (env.PULUMI_CONFIG_PASSPHRASE !== undefined)
    return {
      PULUMI_CONFIG_PASSPHRASE: env.PULUMI_CONFIG_PASSPHRASE,
      PULUMI_CONFIG_PASSPHRASE_FILE: undefined,
    };
  const file = env.PULUMI_CONFIG_PASSPHRASE_FILE;
  if (file && file !== passphraseFile) return { PULUMI_CONFIG_PASSPHRASE_FILE: file };
  return backend.isOwn ? own : { PULUMI_CONFIG_PASSPHRASE_FILE: undefined };
}

/** `backend.url` of the checkout's Pulumi.yaml: a team's shared backend. */
export function projectBackend(): string | undefined {
  const project: unknown = parse(readFileSync(join(root, "Pulumi.yaml"), "utf8"));
  const url = (project as { backend?: { url?: unknown } } | null)?.backend?.url;
  return typeof url === "string" && url !== "" ? url : undefined;
}
