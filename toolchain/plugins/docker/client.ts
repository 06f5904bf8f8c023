/** The connection to the Docker daemon, made when it is first needed. */
import type Docker from "dockerode";
import type { Failure, Schema } from "../shared/schema.ts";
import { checkProps, flag, text, textList } from "../shared/schema.ts";
import { type Props, reveal } from "../shared/values.ts";

const refused = (what: string): { readonly refused: string } => ({
  refused: `the stand-in docker plugin doesn't cover ${what}; install the official plugin to use it`,
});

/** The provider's configuration. */
export const configSchema: Schema = {
  caMaterial: { ...text, ...refused("TLS") },
  certMaterial: { ...text, ...refused("TLS") },
  certPath: { ...text, ...refused("TLS") },
  keyMaterial: { ...text, ...refused("TLS") },
  context: { ...text, ...refused("Docker contexts: give `host` instead") },
  registryAuth: { type: "any", ...refused("registry credentials") },
  disableDockerDaemonCheck: flag,
  host: text,
  sshOpts: { ...textList, ...refused("SSH") },
  version: text,
  pluginDownloadURL: text,
};

const DEFAULT_HOST = "unix:///var/run/docker.sock";

/** How to reach a daemon. */
export type Address = { readonly socketPath: string } | { readonly host: string; readonly port: number };

/** Reads a daemon's address as DOCKER_HOST writes it. */
export function addressOf(host: string): Address {
  if (host.startsWith("unix://")) return { socketPath: host.slice("unix://".length) };
  const url = URL.canParse(host) ? new URL(host) : undefined;
  if (url?.protocol === "tcp:" || url?.protocol === "http:") {
    return { host: url.hostname, port: url.port === "" ? 2375 : Number(url.port) };
  }
  throw new Error(
    `docker host "${host}": the stand-in docker plugin reaches a daemon at unix:///path or tcp://host:port only; ` +
      "install the official plugin for anything else",
  );
}

/** What is wrong with the provider's configuration. */
export function checkConfig(config: Props): Failure[] {
  const failures = checkProps(configSchema, plainLists(config));
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

/** The SDK sends a provider's lists and flags as JSON texts; empty ones are as good as not given. */
function plainLists(config: Props): Props {
  const entries = Object.entries(config).filter(([, value]) => value !== "[]" && value !== "");
  return Object.fromEntries(
    entries.map(([key, value]) => [key, value === "true" ? true : value === "false" ? false : value]),
  );
}

let configured: string | undefined;
let connection: Promise<Docker> | undefined;

/** Takes the daemon's address from the provider's configuration. */
export function configure(config: Props): void {
  const host = config.host === undefined ? undefined : reveal(config.host);
  configured = typeof host === "string" && host !== "" ? host : undefined;
  connection = undefined;
}

/** The daemon. */
export function docker(): Promise<Docker> {
  connection ??= connect(configured ?? (process.env.DOCKER_HOST || DEFAULT_HOST));
  return connection;
}

async function connect(host: string): Promise<Docker> {
  const address = addressOf(host);
  const { default: Dockerode } = await import("dockerode");
  return new Dockerode({ ...address, ...("host" in address ? { protocol: "http" as const } : {}) });
}

/** The daemon's HTTP status in an error of dockerode's. */
export function statusOf(error: unknown): number | undefined {
  const { statusCode } = (error ?? {}) as { statusCode?: unknown };
  return typeof statusCode === "number" ? statusCode : undefined;
}

/** The daemon's own words in an error of dockerode's. */
export function reasonOf(error: unknown): string {
  const { json, code, address } = (error ?? {}) as {
    json?: { message?: string };
    code?: string;
    address?: string;
  };
  if (code === "ENOENT" || code === "ECONNREFUSED") {
    return `no Docker daemon answers at ${address ?? "its address"}; start it, or set DOCKER_HOST`;
  }
  return json?.message ?? (error instanceof Error ? error.message : String(error));
}

/** Awaits an answer of the daemon's; an error says what was being done. */
export async function doing<T>(what: string, answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    throw new DockerError(`${what}: ${reasonOf(error)}`, statusOf(error));
  }
}

/** Awaits an answer; undefined when the thing asked for doesn't exist. */
export async function ifFound<T>(what: string, answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (statusOf(error) === 404) return undefined;
    throw new DockerError(`${what}: ${reasonOf(error)}`, statusOf(error));
  }
}

/** An error of the daemon's, in words for the person. */
export class DockerError extends Error {
  readonly statusCode: number | undefined;
  constructor(message: string, statusCode: number | undefined) {
    super(message);
    this.name = "DockerError";
    this.statusCode = statusCode;
  }
}

/** Waits, unless the operation is called off meanwhile. */
export function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  return new Promise((resolve, reject) => {
    const stop = (): void => {
      clearTimeout(timer);
      reject(new Error("cancelled"));
    };
    const timer = setTimeout(() => {
      signal.removeEventListener("abort", stop);
      resolve();
    }, milliseconds);
    signal.addEventListener("abort", stop, { once: true });
  });
}
