/**
 * Which plugins the engine takes, and where stand-ins may be among them. A stand-in is a plugin in TypeScript for machines without
 * internet and for tests; it never meets a real cloud. The scripts, the program and the stand-ins themselves ask here.
 */
import { closeSync, existsSync, openSync, readdirSync, readSync, realpathSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import type { Problem } from "../errors.ts";
import { which } from "../which.ts";

/** The plugin that runs the program. */
export const LANGUAGE_HOST = "pulumi-language-nodejs";
/** The providers that the program uses. */
export const PROVIDERS = ["docker", "command", "random", "tls", "digitalocean", "cloudflare"] as const;
/** Set by the stand-in for the language host, for the program that it runs: its own file. */
export const STAND_IN_HOST_VARIABLE = "OPENCODE_PLATFORM_STAND_IN_HOST";

type Variables = Readonly<Record<string, string | undefined>>;

/** A plugin as the engine finds it; `nodejs` is the language host. */
export interface FoundPlugin {
  readonly name: (typeof PROVIDERS)[number] | "nodejs";
  readonly kind: "official" | "stand-in" | "not installed";
  readonly file?: string;
}

/** The file of a provider's plugin. */
export const providerFile = (name: string): string => `pulumi-resource-${name}`;

/**
 * The plugins that an engine with these variables takes: those on PATH first, then the installed ones; the language host may also be
 * beside the CLI (`pulumi`, by default the one on PATH). Of several installed versions a stand-in is named before an official one.
 */
export function findPlugins(env: Variables, pulumi = which("pulumi", env.PATH ?? "")): FoundPlugin[] {
  const folder = join(env.PULUMI_HOME || join(env.HOME || homedir(), ".pulumi"), "plugins");
  const installed = existsSync(folder) ? readdirSync(folder).sort() : [];
  const providers = PROVIDERS.map((name) => {
    const onPath = which(providerFile(name), env.PATH ?? "");
    const files = installed
      .filter((entry) => new RegExp(`^resource-${name}-v[\\d.]+$`).test(entry))
      .map((entry) => join(folder, entry, providerFile(name)))
      .filter((file) => existsSync(file));
    return describe(name, onPath ?? files.find(isStandIn) ?? files.at(-1));
  });
  return [...providers, describe("nodejs", languageHost(env, pulumi))];
}

function languageHost(env: Variables, pulumi: string | undefined): string | undefined {
  const running = env[STAND_IN_HOST_VARIABLE];
  const found =
    (running && existsSync(running) ? running : undefined) ?? which(LANGUAGE_HOST, env.PATH ?? "");
  if (found || !pulumi || !existsSync(pulumi)) return found;
  const beside = join(dirname(realpathSync(pulumi)), LANGUAGE_HOST);
  return existsSync(beside) ? beside : undefined;
}

const describe = (name: FoundPlugin["name"], file: string | undefined): FoundPlugin =>
  file === undefined
    ? { name, kind: "not installed" }
    : { name, kind: isStandIn(file) ? "stand-in" : "official", file };

/** As much of a file as a stand-in's script is long. */
const SCRIPT_BYTES = 4096;

/** Whether a plugin is a stand-in: a script that starts this project's sources. The official ones are programs, or scripts that start one. */
export function isStandIn(file: string): boolean {
  const buffer = Buffer.alloc(SCRIPT_BYTES);
  const handle = openSync(file, "r");
  try {
    const text = buffer.toString("utf8", 0, readSync(handle, buffer, 0, SCRIPT_BYTES, 0));
    return text.startsWith("#!") && /\/plugins\/[\w-]+\/main\.ts\b/.test(text);
  } finally {
    closeSync(handle);
  }
}

/** First two bytes of the network that the tests' droplets and clouds are on: one reserved for measurements (RFC 2544), which no real cloud is in. */
const TEST_NETWORK = /^198\.18\.\d+\.\d+$/;
const LOOPBACK = /^127\.\d+\.\d+\.\d+$/;

/**
 * Whether a cloud's address can only be a stand-in of the tests: loopback (127.0.0.0/8, ::1, `localhost`), or 198.18.0.0/16, which
 * lab/clouds/digitalocean takes its networks from, since droplets can't reach this machine's loopback. Everything else counts as the
 * real cloud: a name may resolve to anything, and what answers at another private address (10.0.0.0/8 and the like) may be a proxy to
 * the cloud. No address at all means the provider's default, which is the cloud.
 */
export function isTestAddress(address: string | undefined): boolean {
  if (!address || !URL.canParse(address)) return false;
  const { protocol, hostname } = new URL(address);
  if (protocol !== "http:" && protocol !== "https:") return false;
  return (
    hostname === "localhost" || hostname === "[::1]" || LOOPBACK.test(hostname) || TEST_NETWORK.test(hostname)
  );
}

/** Where each cloud's provider takes its address from: the config key, then the variable. */
export const CLOUD_ADDRESSES = {
  digitalocean: { key: "digitalocean:apiEndpoint", variable: "DIGITALOCEAN_API_URL" },
  cloudflare: { key: "cloudflare:baseUrl", variable: "CLOUDFLARE_BASE_URL" },
} as const;

/** The address that a cloud's provider is given; `undefined` where it takes its own, the real cloud's. */
export function cloudAddress(
  cloud: keyof typeof CLOUD_ADDRESSES,
  config: Variables,
  env: Variables,
): string | undefined {
  const { key, variable } = CLOUD_ADDRESSES[cloud];
  return config[key] || env[variable] || undefined;
}

/** The clouds of a stack that are not known to be the tests' own, by the config key of their address. */
export function realClouds(config: Variables, env: Variables): string[] {
  return (["digitalocean", "cloudflare"] as const)
    .filter((cloud) => !isTestAddress(cloudAddress(cloud, config, env)))
    .map((cloud) => CLOUD_ADDRESSES[cloud].key);
}

/** What is wrong with a stack's plugins: a stand-in among them, though the stack is not `local` and a cloud is a real one. */
export function standInProblem(
  stack: string,
  plugins: readonly FoundPlugin[],
  clouds: readonly string[],
): Problem | undefined {
  const standIns = plugins.filter(({ kind }) => kind === "stand-in");
  const [first] = standIns;
  if (!first || clouds.length === 0) return undefined;
  const names = standIns.map(({ name }) => name).join(", ");
  return {
    where: "pulumi plugins",
    what: `stack ${stack} is in a real cloud, and these plugins are stand-ins, made for tests: ${names} (${first.file})`,
    fix: `\`npm run pulumi -- preview --stack ${stack}\` replaces them by the official ones where get.pulumi.com answers; any that are not in the toolchain's folder have to be removed`,
  };
}

/** Why a provider's stand-in does not speak to an address; `undefined` where it may. `key` is the config key of the address. */
export function refusedAddress(provider: string, key: string, address: string): string | undefined {
  if (isTestAddress(address)) return undefined;
  return `${key}: ${address} may be the real cloud, and this is the stand-in for the ${provider} plugin, made for tests — install the official plugin (\`npm run doctor\` says how)`;
}
