/** Positions of a parsed YAML text's parts and their comments. */
import { type CST, isMap, isScalar, isSeq, type Node, type Pair, type YAMLMap, type YAMLSeq } from "yaml";

export type Collection = YAMLMap<Node, Node | null> | YAMLSeq<Node>;

/** An item of a list, or a pair of a map. */
export interface Child {
  /** Start of its dash or key, or of its value in brackets. */
  readonly start: number;
  /** End of its last character that is neither space nor comment. */
  readonly end: number;
  /** After the dash or colon, where a value is inserted; for an item in brackets, its start. */
  readonly head: number;
  /** A comment on the key's line, if the value begins on the next. */
  readonly headComment?: string;
  readonly key?: string;
  /** Whether it is in brackets or braces. */
  readonly isInFlow: boolean;
  readonly value: Node | null;
}

const isSignificant = ({ type }: CST.SourceToken): boolean =>
  !["space", "newline", "comment", "comma"].includes(type);
const endOf = (token: CST.SourceToken): number => token.offset + token.source.length;

export const isFlow = (node: Collection): boolean => node.srcToken?.type === "flow-collection";

/** A collection's children in text order. */
export function childrenOf(text: string, node: Collection): Child[] {
  return isMap<Node, Node | null>(node)
    ? node.items.map((pair) => ({ ...pairChild(text, pair), isInFlow: isFlow(node) }))
    : itemTokens(node).map((token, index) => ({
        ...itemChild(text, token, node.items[index] ?? null),
        isInFlow: isFlow(node),
      }));
}

/** Tokens of a list's items, except those with only comments or a comma. */
function itemTokens(node: Collection): (CST.BlockSequence | CST.FlowCollection)["items"] {
  const token = node.srcToken;
  if (token?.type !== "block-seq" && token?.type !== "flow-collection") return [];
  return token.items.filter(
    ({ start, key, sep, value }) =>
      start.some(isSignificant) || Boolean(key) || Boolean(sep) || Boolean(value),
  );
}

function itemChild(
  text: string,
  { start }: { start: CST.SourceToken[] },
  value: Node | null,
): Omit<Child, "isInFlow"> {
  const marks = start.filter(isSignificant);
  const dash = marks.find(({ type }) => type === "seq-item-ind");
  const first = marks[0]?.offset ?? value?.range?.[0] ?? 0;
  const last = marks.at(-1);
  const head = dash ? endOf(dash) : first;
  return { start: first, head, end: Math.max(last ? endOf(last) : first, contentEnd(text, value)), value };
}

function pairChild(text: string, pair: Pair<Node, Node | null>): Omit<Child, "isInFlow"> {
  const { start = [], sep = [] } = pair.srcToken ?? {};
  const keyEnd = pair.key.range?.[1] ?? 0;
  const colon = sep.find(({ type }) => type === "map-value-ind");
  const last = sep.findLast(isSignificant);
  const head = colon ? endOf(colon) : keyEnd;
  const lineEnd = sep.findIndex(({ type }) => type === "newline");
  const comment = sep.slice(0, Math.max(lineEnd, 0)).find(({ type }) => type === "comment");
  return {
    start: start.find(isSignificant)?.offset ?? pair.key.range?.[0] ?? 0,
    head,
    end: Math.max(last ? endOf(last) : keyEnd, contentEnd(text, pair.value)),
    ...(comment ? { headComment: comment.source } : {}),
    key: isScalar(pair.key) ? String(pair.key.value) : "",
    value: pair.value,
  };
}

/** End of a node's last character that is neither space nor comment; 0 for an empty node. */
function contentEnd(text: string, node: Node | null): number {
  const [start, end] = node?.range ?? [0, 0];
  if (!node || start === end) return 0;
  if ((isMap<Node, Node | null>(node) || isSeq<Node>(node)) && !isFlow(node))
    return childrenOf(text, node).at(-1)?.end ?? end;
  if (!isScalar(node) || !node.type?.startsWith("BLOCK_")) return end;
  const source = text.slice(start, end);
  const keepsBreaks = /^.*\+/.test(source.split("\n", 1)[0]?.replace(/#.*/, "") ?? "");
  return keepsBreaks && source.endsWith("\n") ? end - 1 : start + source.trimEnd().length;
}

/** Start of the offset's line. */
export const lineStart = (text: string, offset: number): number => text.lastIndexOf("\n", offset - 1) + 1;

/** Start of the next line; the text's end if there is none. */
export function nextLine(text: string, offset: number): number {
  const at = text.indexOf("\n", offset);
  return at < 0 ? text.length : at + 1;
}

export const columnOf = (text: string, offset: number): number => offset - lineStart(text, offset);

/** Whether only spaces precede it on its line. */
export const beginsLine = (text: string, offset: number): boolean =>
  text.slice(lineStart(text, offset), offset).trim() === "";

export const isBlank = (line: string): boolean => line.trim() === "";
const isComment = (line: string): boolean => /^\s*#/.test(line);
const indentOf = (line: string): number => line.length - line.trimStart().length;

/** The line at an offset. */
export const lineAt = (text: string, start: number): string => text.slice(start, nextLine(text, start));

/** End of a child's lines, including comments below that are indented further. */
export function linesEnd(text: string, { start, end }: Child): number {
  const column = columnOf(text, start);
  let own = nextLine(text, end);
  for (let at = own; at < text.length; at = nextLine(text, at)) {
    const line = lineAt(text, at);
    if (isBlank(line)) continue;
    if (!isComment(line) || indentOf(line) <= column) break;
    own = nextLine(text, at);
  }
  return own;
}

/** Start of a child's lines, including comments right above, down to `floor`. */
export function linesStart(text: string, { start }: Child, floor: number): number {
  let own = lineStart(text, start);
  while (own > floor) {
    const above = lineStart(text, own - 1);
    if (above < floor || !isComment(lineAt(text, above))) break;
    own = above;
  }
  return own;
}
