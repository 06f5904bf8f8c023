import { type CloudNames, cloudNames } from "../../config/naming/cloud-names.ts";
import { parsePrivateKey } from "../../config/stack/private-key.ts";
import { productionDocs } from "../../config/stack/production.ts";
import { settingKey } from "../../config/stack/settings.ts";
import { cloudAddress } from "../../config/stack/stand-ins.ts";
import { CLOUD_TOKENS } from "../../config/stack/tokens.ts";
import { pulumiOrThrow } from "../engine/pulumi.ts";
import type { Session } from "../engine/session.ts";
import { record } from "../state/checkpoint.ts";
import { type Cloudflare, cloudflare } from "./cloudflare.ts";
import { type DigitalOcean, digitalOcean } from "./digitalocean.ts";

/** A stack's config, key → value, with secrets in plain: in this process's memory only. */
export type StackConfig = Readonly<Record<string, string>>;

/** The clouds of a stack that have a token. */
export interface Clouds {
  names: CloudNames;
  /** Prefix of names in Docker. */
  prefix: string;
  domain?: string;
  googleClientId?: string;
  /** Public half of the user's own SSH key. */
  publicKey?: string;
  /** The droplet's settings, not validated. */
  size: string;
  dropletGeneration: string;
  /** Snapshot to create the volume from. */
  volumeSnapshot?: string;
  digitalOcean?: DigitalOcean;
  cloudflare?: Cloudflare;
}

/** Reads a stack's config from Pulumi. */
export async function readConfig(session: Session): Promise<StackConfig> {
  const text = await pulumiOrThrow(["config", "--show-secrets", "--json"], { session });
  return Object.fromEntries(
    Object.entries(record(JSON.parse(text))).flatMap(([key, entry]) => {
      const { value } = record(entry);
      return typeof value === "string" ? [[key, value] as const] : [];
    }),
  );
}

/** Clients for the clouds of a stack, with the tokens and addresses that the providers use. */
export function openClouds(
  stack: string,
  config: StackConfig,
  env: Readonly<Record<string, string | undefined>> = process.env,
): Clouds {
  const setting = (name: string) => config[settingKey(name)]?.trim() || undefined;
  const standard = (name: string) => productionDocs.find(({ key }) => key === name)?.default ?? "";
  const prefix = setting("namePrefix") ?? "opencode";
  const tokenOf = ({ key, variables }: { key: string; variables: readonly string[] }) =>
    [config[key], ...variables.map((variable) => env[variable])].find(Boolean);
  const doToken = tokenOf(CLOUD_TOKENS.digitalocean);
  const cfToken = tokenOf(CLOUD_TOKENS.cloudflare);
  const doUrl = cloudAddress("digitalocean", config, env);
  const cfUrl = cloudAddress("cloudflare", config, env);
  return withoutUndefined({
    names: cloudNames(prefix, stack),
    prefix,
    domain: setting("domain"),
    googleClientId: setting("googleClientId"),
    publicKey: publicKeyOf(setting("sshPrivateKey")),
    size: setting("size") ?? standard("size"),
    dropletGeneration: setting("dropletGeneration") ?? standard("dropletGeneration"),
    volumeSnapshot: setting("volumeSnapshot"),
    digitalOcean: doToken ? digitalOcean({ token: doToken, ...(doUrl ? { url: doUrl } : {}) }) : undefined,
    cloudflare: cfToken ? cloudflare({ token: cfToken, ...(cfUrl ? { url: cfUrl } : {}) }) : undefined,
  });
}

/** The program reports an invalid key. */
function publicKeyOf(privateKey: string | undefined): string | undefined {
  const key = privateKey ? parsePrivateKey(privateKey) : undefined;
  return key && "publicKey" in key ? key.publicKey : undefined;
}

function withoutUndefined<T extends object>(value: { [K in keyof T]: T[K] | undefined }): T {
  return Object.fromEntries(Object.entries(value).filter(([, each]) => each !== undefined)) as T;
}
