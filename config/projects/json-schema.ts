import * as z from "zod";
import { acceptedSettings } from "../opencode-settings.ts";
import { projectsFile } from "./file-schema.ts";
import { isMap, mapOf, type UncheckedMap } from "./rough.ts";

/** Where `opencode.json` is among the definitions of both files. */
const SETTINGS = "opencode.json";
const FILE = "projects.schema.json";

/** The text of projects.schema.json: what an editor completes and checks projects.yaml with. */
export function projectsJsonSchema(): string {
  const schema = { ...fileSchema(`#/definitions/${SETTINGS}`), title: "projects.yaml" };
  return render(schema, settingsDefinitions());
}

/** The text of projects.stack.schema.json: the same for a stack's own file, which may say any part of it. */
export function overlayJsonSchema(): string {
  const { properties, ...schema } = fileSchema(`${FILE}#/definitions/${SETTINGS}`);
  const { projects, ...others } = optional(mapOf(properties));
  const entries = {
    ...mapOf(projects),
    description: "Entries of projects.yaml to change, by name, and entries to add.",
  };
  const exclude = {
    type: "array",
    items: { type: "string" },
    uniqueItems: true,
    description: "Names of entries of projects.yaml that this stack does not have.",
  };
  return render({
    ...schema,
    required: [],
    title: "projects.<stack>.yaml",
    description:
      "What one stack changes of projects.yaml: maps are merged, other values replaced, null removes one.",
    properties: { ...others, projects: entries, exclude },
  });
}

/** @param settings what the schema of opencode's settings is referred to as */
function fileSchema(settings: string): UncheckedMap {
  // draft-07 is what yaml-language-server supports in full
  return z.toJSONSchema(projectsFile, {
    target: "draft-07",
    io: "input",
    override: ({ jsonSchema, path }) => {
      if (!/,opencode,properties,(config|enforce)$/.test(path.join(","))) return;
      // Beside a $ref, draft-07 reads nothing.
      Object.assign(jsonSchema, { allOf: [{ $ref: settings }] });
      delete jsonSchema.propertyNames;
      delete jsonSchema.additionalProperties;
    },
  });
}

/**
 * What the newest major takes, which is what 1.x takes too: an editor does not know the project's release. `npm run check` does, and checks by
 * that.
 */
function settingsDefinitions(): UncheckedMap {
  const { $defs = {}, ...settings } = acceptedSettings(2);
  const definitions = { [SETTINGS]: settings, ...$defs };
  return JSON.parse(JSON.stringify(definitions).replaceAll("#/$defs/", "#/definitions/"), inDraft7);
}

/** A list with a schema for each item has another keyword there. */
function inDraft7(_key: string, value: unknown): unknown {
  if (!isMap(value) || !Array.isArray(value.prefixItems)) return value;
  const { prefixItems, ...rest } = value;
  return { ...rest, items: prefixItems };
}

/** Keys that need not be there and may be null, at every depth; an entry keeps its name. */
const optional = (properties: UncheckedMap): UncheckedMap =>
  Object.fromEntries(
    Object.entries(properties).map(([key, schema]) => [
      key,
      key === "name" ? schema : nullable(withoutRequired(schema)),
    ]),
  );

const nullable = (schema: unknown): unknown => {
  const { description, ...rest } = mapOf(schema);
  return { ...(description !== undefined && { description }), anyOf: [rest, { type: "null" }] };
};

/** Of alternatives, more than one may be meant by half an entry. */
function withoutRequired(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(withoutRequired);
  if (!isMap(schema)) return schema;
  const { required, properties, additionalProperties, oneOf, ...rest } = schema;
  const others = Object.fromEntries(
    Object.entries(rest).map(([key, value]) => [key, withoutRequired(value)]),
  );
  return {
    ...others,
    ...(oneOf !== undefined && { anyOf: withoutRequired(oneOf) }),
    ...(Array.isArray(required) && required.includes("name") && { required: ["name"] }),
    ...(isMap(properties) && { properties: optional(properties) }),
    ...(additionalProperties !== undefined && {
      additionalProperties: isMap(additionalProperties)
        ? nullable(additionalProperties)
        : additionalProperties,
    }),
  };
}

/** One line per definition: they are another program's, and an editor reads them. */
function render(schema: UncheckedMap, definitions: UncheckedMap = {}): string {
  const text = JSON.stringify(schema, undefined, 2);
  const lines = Object.entries(definitions).map(
    ([name, definition]) => `    ${JSON.stringify(name)}: ${JSON.stringify(definition)}`,
  );
  if (lines.length === 0) return `${text}\n`;
  return `${text.slice(0, -2)},\n  "definitions": {\n${lines.join(",\n")}\n  }\n}\n`;
}
