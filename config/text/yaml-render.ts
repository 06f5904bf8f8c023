/** Renders values as YAML in the style of projects.yaml: one key per line, short collections in braces. */
import { Document, stringify, visit } from "yaml";

/** Maximum characters of a collection on one line. */
const FLOW_LENGTH = 80;

const STYLE = { lineWidth: 0, flowCollectionPadding: true } as const;

/** A whole file. */
export const renderFile = (value: unknown): string => stringify(value, { lineWidth: 0 });

/** The text's line ending, taken from its first line. */
export const lineEnding = (text: string): "\r\n" | "\n" => (/^[^\n]*\r\n/.test(text) ? "\r\n" : "\n");

/** A value on one line. */
export function renderFlow(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(renderFlow).join(", ")}]`;
  if (typeof value !== "object" || value === null) return renderScalar(value);
  const pairs = Object.entries(value).map(([key, each]) => renderFlowPair(key, each));
  return pairs.length > 0 ? `{ ${pairs.join(", ")} }` : "{}";
}

/** Renders as inside brackets, which is valid everywhere. */
function renderScalar(value: unknown): string {
  const text = quotingBreaks(new Document([value])).toString({ ...STYLE, collectionStyle: "flow" });
  return text.trim().slice(1, -1).trim();
}

/** `key: value` as lines of a block map at a column, without a final line ending. */
export function renderPair(key: string, value: unknown, column: number, eol: string): string {
  return indented(renderMap({ [key]: value }), " ".repeat(column), eol);
}

/** `key: value` inside braces. */
export const renderFlowPair = (key: string, value: unknown): string =>
  `${renderFlow(key)}: ${renderFlow(value)}`;

/** `- value` as lines of a block list at a column, without a final line ending. */
export function renderItem(value: unknown, column: number, eol: string): string {
  const isFilledMap = typeof value === "object" && value !== null && Object.keys(value).length > 0;
  const text = isFilledMap && !Array.isArray(value) ? renderMap(value) : renderFlow(value);
  const indent = " ".repeat(column);
  return `${indent}- ${indented(text, `${indent}  `, eol).trimStart()}`;
}

/** The text after the colon of a block pair. */
export const renderValue = (key: string, value: unknown, column: number, eol: string): string =>
  renderPair(key, value, column, eol).slice(column + renderFlow(key).length + 1);

function renderMap(value: object): string {
  return Object.entries(value)
    .map(([key, each]) => renderMember(`${renderScalar(key)}:`, each))
    .join("\n");
}

/** A value after `mark`, a key's or an item's. */
function renderMember(mark: string, value: unknown): string {
  const flow = renderFlow(value);
  if (typeof value === "string") return `${mark} ${renderText(value)}`;
  if (flow.length <= FLOW_LENGTH || typeof value !== "object" || value === null) return `${mark} ${flow}`;
  const lines = Array.isArray(value)
    ? value.map((item) => renderMember("-", item)).join("\n")
    : renderMap(value);
  return `${mark}\n${indented(lines, "  ", "\n")}`;
}

/** Renders a multi-line text as a block. */
const renderText = (text: string): string =>
  quotingBreaks(new Document(text))
    .toString(STYLE)
    .replace(/\n$/, "")
    .replaceAll(/\n(?=.)/g, "\n  ");

/** Escapes line breaks that the file's line ending would change. */
function quotingBreaks(document: Document): Document {
  visit(document, {
    Scalar(_, node) {
      if (typeof node.value === "string" && /[\r\u0085\u2028\u2029]|\n\s*$/.test(node.value))
        node.type = "QUOTE_DOUBLE";
    },
  });
  return document;
}

function indented(text: string, indent: string, eol: string): string {
  return text
    .split("\n")
    .map((line) => (line === "" ? "" : indent + line))
    .join(eol);
}
