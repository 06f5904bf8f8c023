import { apiFor, type OpencodeConfig } from "./api/index.ts";

/**
 * Renders a project's opencode.json: the platform's settings, the model, then the entry's `opencode.config`,
 * later ones taking precedence. Keys keep a fixed order, so that the same entry always renders the same text.
 */
export function opencodeJson(entry: Omit<OpencodeEntry, "enforce">): string {
  return render(merge(apiFor(entry.version).configuration(entry.model), entry.config));
}

/**
 * Renders the settings that no settings file of a repository overrides: the platform's own, then the entry's
 * `opencode.enforce`. Permissions are repeated for opencode's own agents, since an agent's come after everybody's.
 */
export function enforcedJson({ version, config, enforce }: OpencodeEntry): string {
  const { enforced, builtInAgents } = apiFor(version);
  const settings = merge(enforced(config), enforce);
  const { permission } = settings;
  if (permission === undefined) return render(settings);
  const agent = Object.fromEntries(builtInAgents.map((name) => [name, { permission }]));
  return render(merge({ agent }, settings));
}

/** What an entry says of opencode. */
interface OpencodeEntry {
  /** opencode's release. */
  readonly version: string;
  readonly model?: string;
  readonly config: OpencodeConfig;
  readonly enforce: OpencodeConfig;
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
