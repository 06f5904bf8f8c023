/**
 * The JSON schemas of opencode's settings (`opencode.json`), one per major, as its releases describe themselves. `config/opencode-schemas` has
 * them with source and date; `npm run versions -- opencode-schema <release>` writes them.
 */
import { readFileSync } from "node:fs";

/** A JSON schema, as far as it is looked at here. */
export interface SettingsSchema {
  readonly type?: string;
  readonly properties?: Readonly<Record<string, SettingsSchema>>;
  readonly additionalProperties?: boolean | SettingsSchema;
  readonly anyOf?: readonly SettingsSchema[];
  readonly $defs?: Readonly<Record<string, SettingsSchema>>;
}

/** The majors whose schemas are here. */
export type Major = 1 | 2;

/** A major's own schema: the settings that its documentation describes. Read when it is first asked for. */
export function ownSettings(major: Major): SettingsSchema {
  const text = readFileSync(new URL(`./opencode-schemas/${major}.json`, import.meta.url), "utf8");
  return (JSON.parse(text) as { schema: SettingsSchema }).schema;
}

/** What a major takes: 2.x translates the settings of 1.x. */
export const acceptedSettings = (major: Major): SettingsSchema =>
  major === 1 ? ownSettings(1) : withOlder(ownSettings(2), ownSettings(1));

/** The settings of both: one that both have may be written either way, and where it is a map, with the keys of both. */
function withOlder(newer: SettingsSchema, older: SettingsSchema): SettingsSchema {
  const added = Object.entries(older.properties ?? {}).map(([key, was]) => {
    const now = newer.properties?.[key];
    return [key, now === undefined ? was : either(now, was)] as const;
  });
  return {
    ...newer,
    properties: { ...newer.properties, ...Object.fromEntries(added) },
    $defs: { ...older.$defs, ...newer.$defs },
  };
}

function either(now: SettingsSchema, was: SettingsSchema): SettingsSchema {
  // Of a text that 2.x reads more closely, it drops what it can't read.
  if (was.type === "string" || JSON.stringify(now) === JSON.stringify(was)) return now;
  if (now.type !== "object" || was.type !== "object") return { anyOf: [now, was] };
  return {
    ...now,
    properties: { ...was.properties, ...now.properties },
    additionalProperties: was.additionalProperties ?? false,
  };
}
