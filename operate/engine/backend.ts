import { readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { parse } from "yaml";
import { backendUrl, passphraseFile, root, stateDir } from "./checkout.ts";

/** Where a stack's state is kept. */
export interface Backend {
  /** As Pulumi is told by PULUMI_BACKEND_URL; `undefined` where Pulumi decides (its own service, Pulumi.yaml). */
  readonly url?: string;
  /** The folder, where the backend is one on this machine. */
  readonly folder?: string;
  /** It is this checkout's own. */
  readonly isOwn: boolean;
  /** For people: `file:///…/.state`, `Pulumi Cloud`. */
  readonly label: string;
}

const OWN: Backend = { url: backendUrl, folder: stateDir, isOwn: true, label: backendUrl };

/** What a person has said of backends. */
export interface BackendWishes {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** `backend.url` of Pulumi.yaml. */
  readonly project?: string | undefined;
}

/**
 * The backend of a stack. The stack of this machine is in this checkout. Any other is where the person says, in the environment
 * before Pulumi.yaml; with a token of Pulumi's service and nothing else, there; else in this checkout too.
 */
export function chooseBackend(isLocal: boolean, { env, project }: BackendWishes): Backend {
  if (isLocal) return OWN;
  // `npm run env` puts the checkout's own into the shell: that is nobody's choice for another stack.
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

/** The variables that decide with which passphrase a stack's secrets are encrypted. */
export interface PassphraseVariables {
  readonly PULUMI_CONFIG_PASSPHRASE?: string | undefined;
  readonly PULUMI_CONFIG_PASSPHRASE_FILE?: string | undefined;
}

/**
 * The passphrase of a stack: on this machine the checkout's own; for any other the person's, and only where none is given and the
 * state is in this checkout, the checkout's own again.
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
