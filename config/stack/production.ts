/** The settings of a stack on a droplet: parsed, checked against each other, each problem with the command that fixes it. */
import type { Problem } from "../errors.ts";
import { pulumiCommand, setCommand, setSecretCommand, settingKey } from "./commands.ts";
import { defaultSwap } from "./droplet-size.ts";
import { checkProductionRules } from "./production-rules.ts";
import { type PartialSettings, type ProductionSettings, productionSchema } from "./production-schema.ts";

type Key = keyof PartialSettings;

/** Settings that are secrets. */
export const PRODUCTION_SECRETS: readonly Key[] = ["googleClientSecret", "sshPrivateKey", "panelEnvironment"];

/** What messages put in a command where a person has to fill it in. */
const PLACEHOLDERS: Partial<Record<Key, string>> = {
  domain: "<domain>",
  accessEmailDomains: "<domain>",
  accessEmails: "<address>",
  googleClientId: "<id>.apps.googleusercontent.com",
  identityProviderIds: "<id>",
  oneTimePin: "true",
  sshAllow: "<address>",
  sshHostname: "ssh-code",
  swapSize: "8",
  volumeSnapshot: "<id>",
};

const KEYS = Object.keys(productionSchema.shape) as Key[];

/** Every setting of this kind, with its meaning and default. */
export const productionDocs = KEYS.map((key) => ({
  key,
  meaning: productionSchema.shape[key].description ?? "",
  default: String(productionSchema.shape[key].safeParse(undefined).data ?? ""),
}));

/**
 * Reads the settings of a stack on a droplet.
 * @param hidden names of settings that have a value which cannot be read here
 */
export function parseProductionSettings(
  raw: Readonly<Record<string, string>>,
  stack: string,
  hidden: ReadonlySet<string>,
): { settings?: ProductionSettings; problems: Problem[] } {
  // Only what follows from other settings is unknown of a hidden one.
  const known = hidden.has("domain") ? { domain: "encrypted.invalid", ...raw } : raw;
  const result = productionSchema.safeParse(known);
  const problems: Problem[] = (result.error?.issues ?? []).map((issue) => {
    const key = issue.path[0] as Key;
    const instead = issue.code === "custom" ? issue.params?.instead : undefined;
    return { where: settingKey(key), what: issue.message, fix: fixFor(key, instead, stack) };
  });
  const given = (key: string) => known[key] !== undefined || hidden.has(key);
  problems.push(...checkProductionRules(readable(known, hidden), given, stack));
  if (!result.data) return { problems };
  const { googleClientId, identityProviderIds, oneTimePin, size, swapSize } = result.data;
  const hasOther = googleClientId !== undefined || identityProviderIds.length > 0;
  const settings = {
    ...result.data,
    oneTimePin: oneTimePin ?? !hasOther,
    swapSize: swapSize ?? defaultSwap(size),
  };
  return { settings, problems };
}

function readable(known: Readonly<Record<string, string>>, hidden: ReadonlySet<string>): PartialSettings {
  const keys = KEYS.filter((key) => !hidden.has(key));
  return Object.fromEntries(keys.map((key) => [key, productionSchema.shape[key].safeParse(known[key]).data]));
}

function fixFor(key: Key, instead: unknown, stack: string): string {
  const full = settingKey(key);
  if (key === "sshPrivateKey") return `${setSecretCommand(full, stack)} < <file of the key>`;
  if (key === "panelEnvironment") return `${setSecretCommand(full, stack)} < <file of NAME=value lines>`;
  if (PRODUCTION_SECRETS.includes(key)) return setSecretCommand(full, stack);
  if (key === "maintenance") return pulumiCommand(`config set --path ${full}.window 03:00-05:00`, stack);
  const standard = productionDocs.find((docs) => docs.key === key)?.default;
  const value = typeof instead === "string" ? instead : standard || PLACEHOLDERS[key];
  return setCommand(full, value ?? "", stack);
}
