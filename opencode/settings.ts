import { type OpencodeConfig, projectApi } from "./api/index.ts";

export type { OpencodeConfig } from "./api/index.ts";

/**
 * Renders a project's opencode.json: the platform's own settings, then the model, then the entry's `opencode.config`, each winning over
 * the one before. Keys keep one order, so that the same entry always gives the same text.
 */
export function opencodeJson(entry: { model?: string; config: OpencodeConfig }): string {
  return `${JSON.stringify(merge(projectApi.configuration(entry.model), entry.config), sortKeys, 2)}\n`;
}

/** Objects are merged key by key; anything else, lists included, is replaced. */
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
