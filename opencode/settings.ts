import { apiFor, type OpencodeConfig } from "./api/index.ts";

/**
 * Renders a project's opencode.json: the platform's settings, the model, then the entry's `opencode.config`,
 * later ones taking precedence. Keys keep a fixed order, so that the same entry always renders the same text.
 */
export function opencodeJson(entry: OpencodeEntry): string {
  return render(merge(apiFor(entry.version).configuration(entry.model), entry.config));
}

/** Renders the settings that a repository can't change. */
export function enforcedJson({ version, config }: OpencodeEntry): string {
  return render(apiFor(version).enforced(config));
}

/** What an entry says of opencode. */
interface OpencodeEntry {
  /** opencode's release. */
  readonly version: string;
  readonly model?: string;
  readonly config: OpencodeConfig;
}

const render = (config: OpencodeConfig): string => `${JSON.stringify(config, sortKeys, 2)}\n`;

/** Objects are merged key by key; other values, including lists, are replaced. */
function merge(base: OpencodeConfig, over: OpencodeConfig): OpencodeConfig {
  const merged: OpencodeConfig = { ...base };
  for (const [key, value] of Object.entries(over)) {
    const existing = merged[key];
    merged[key] = isObject(existing) && isObject(value) ? merge(existing, value) : value;
  }
  return merged;
}

function isObject(value: unknown): value is OpencodeConfig {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function sortKeys(_key: string, value: unknown): unknown {
  if (!isObject(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}
