/** The connection to the Docker daemon, created at its first use. */
import type Docker from "dockerode";
import type { DockerOptions } from "dockerode";
import { plainConfig, typedConfig } from "../shared/config.ts";
import { str, strings } from "../shared/plain.ts";
import type { Failure, Schema } from "../shared/schema.ts";
import { checkProps, flag, text, textList } from "../shared/schema.ts";
import { type Props, reveal } from "../shared/values.ts";
import { SshAgent, type SshTarget, sshTarget } from "./ssh.ts";

const refused = (what: string): { readonly refused: string } => ({
  refused: `the stand-in docker plugin doesn't cover ${what}; install the official plugin to use it`,
});

/** The provider's configuration. */
export const configSchema: Schema = {
  caMaterial: { ...text, ...refused("TLS") },
  certMaterial: { ...text, ...refused("TLS") },
  certPath: { ...text, ...refused("TLS") },
  keyMaterial: { ...text, ...refused("TLS") },
  context: { ...text, ...refused("Docker contexts: set `host` instead") },
  registryAuth: { type: "any", ...refused("registry credentials") },
  disableDockerDaemonCheck: flag,
  host: text,
  sshOpts: textList,
  version: text,
  pluginDownloadURL: text,
};

const DEFAULT_HOST = "unix:///var/run/docker.sock";

/** Address of a daemon. */
export type Address =
  | { readonly socketPath: string }
  | { readonly host: string; readonly port: number }
  | { readonly ssh: SshTarget };

/** Parses a daemon's address in the form of DOCKER_HOST. */
export function addressOf(host: string): Address {
  if (host.startsWith("unix://")) return { socketPath: host.slice("unix://".length) };
  if (host.startsWith("ssh:")) return { ssh: sshTarget(host) };
  const url = URL.canParse(host) ? new URL(host) : undefined;
  if (url?.protocol === "tcp:" || url?.protocol === "http:") {
    return { host: url.hostname, port: url.port === "" ? 2375 : Number(url.port) };
  }
  throw new Error(
    `docker host "${host}": the stand-in docker plugin only supports a daemon at unix:///path, tcp://host:port or ssh://user@host; ` +
      "install the official plugin for anything else",
  );
}

/** Problems of the provider's configuration. */
export function checkConfig(config: Props): Failure[] {
  const failures = checkProps(configSchema, typedConfig(configSchema, config));
  const host = config.host === undefined ? undefined : reveal(config.host);
  if (failures.length === 0 && typeof host === "string" && host !== "") {
    try {
      addressOf(host);
    } catch (error) {
      failures.push({ property: "host", reason: error instanceof Error ? error.message : String(error) });
    }
  }
  return failures;
}

/** The daemon's address and options. */
interface Settings {
  readonly host: string;
  readonly sshOptions: readonly string[];
  /** Whether to check first that it responds. */
  readonly ping: boolean;
}

function settingsOf(config: Props): Settings {
  const plain = plainConfig(configSchema, config);
  const environment = (process.env.DOCKER_SSH_OPTS ?? "").split(/\s+/).filter((word) => word !== "");
  return {
    host: str(plain.host) ?? (process.env.DOCKER_HOST || DEFAULT_HOST),
    sshOptions: plain.sshOpts === undefined ? environment : strings(plain.sshOpts),
    ping: plain.disableDockerDaemonCheck !== true,
  };
}

let settings: Settings | undefined;
let connection: Promise<Docker> | undefined;

/** Takes the daemon's address from the provider's configuration. */
export function configure(config: Props): void {
  settings = settingsOf(config);
  connection = undefined;
}

/** Connects to the daemon. A failed connection is retried at the next call. */
export function docker(): Promise<Docker> {
  settings ??= settingsOf({});
  const attempt = connection ?? connect(settings);
  connection = attempt;
  attempt.catch(() => {
    if (connection === attempt) connection = undefined;
  });
  return attempt;
}

async function connect({ host, sshOptions, ping }: Settings): Promise<Docker> {
  const address = addressOf(host);
  const { default: Dockerode } = await import("dockerode");
  const daemon = new Dockerode(optionsOf(address, sshOptions));
  if (ping) await answering(host, daemon);
  return daemon;
}

/** The client's types lack the agent option. */
function optionsOf(address: Address, sshOptions: readonly string[]): DockerOptions & { agent?: SshAgent } {
  if ("socketPath" in address) return address;
  if ("host" in address) return { ...address, protocol: "http" };
  // The agent makes the connections, so the name is never resolved.
  return { protocol: "http", host: "docker", agent: new SshAgent(address.ssh, sshOptions) };
}

const PING_SECONDS = 60;

async function answering(host: string, daemon: Docker): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no response within ${PING_SECONDS} s`)), PING_SECONDS * 1000);
  });
  try {
    await Promise.race([daemon.ping(), late]);
  } catch (error) {
    throw new Error(`can't reach the Docker daemon at ${host}: ${reasonOf(error)}`);
  } finally {
    clearTimeout(timer);
  }
}

/** HTTP status in a dockerode error. */
export function statusOf(error: unknown): number | undefined {
  const { statusCode } = (error ?? {}) as { statusCode?: unknown };
  return typeof statusCode === "number" ? statusCode : undefined;
}

/** The daemon's message in a dockerode error. */
export function reasonOf(error: unknown): string {
  const { json, code, address } = (error ?? {}) as {
    json?: { message?: string };
    code?: string;
    address?: string;
  };
  if (code === "ENOENT" || code === "ECONNREFUSED") {
    return `no Docker daemon is responding at ${address ?? "its address"}; start it, or set DOCKER_HOST`;
  }
  return json?.message ?? (error instanceof Error ? error.message : String(error));
}

/** Awaits a response of the daemon; an error starts with `what`. */
export async function doing<T>(what: string, answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    throw new DockerError(`${what}: ${reasonOf(error)}`, statusOf(error));
  }
}

/** Awaits a response; undefined if the resource does not exist. */
export async function ifFound<T>(what: string, answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (statusOf(error) === 404) return undefined;
    throw new DockerError(`${what}: ${reasonOf(error)}`, statusOf(error));
  }
}

/** An error of the daemon, worded for people. */
export class DockerError extends Error {
  readonly statusCode: number | undefined;
  constructor(message: string, statusCode: number | undefined) {
    super(message);
    this.name = "DockerError";
    this.statusCode = statusCode;
  }
}
