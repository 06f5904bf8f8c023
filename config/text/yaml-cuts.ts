/** Splices that add, remove or replace a child of a YAML collection. Offsets refer to the original text. */
import { isSeq, type YAMLSeq } from "yaml";
import {
  beginsLine,
  type Child,
  type Collection,
  childrenOf,
  columnOf,
  isBlank,
  isFlow,
  lineAt,
  lineStart,
  linesEnd,
  linesStart,
  nextLine,
} from "./yaml-layout.ts";
import {
  lineEnding,
  renderFlow,
  renderFlowPair,
  renderItem,
  renderPair,
  renderValue,
} from "./yaml-render.ts";

/** Replaces text[from, to). */
export interface Splice {
  readonly from: number;
  readonly to: number;
  readonly text: string;
}

/** Position of a collection in its parent: after the colon or dash. */
export type ChildPosition = Pick<Child, "head" | "isInFlow">;

/** Adds a child after the last one; `key` for a map. */
export function append(text: string, node: Collection, key: string | undefined, value: unknown): Splice[] {
  const last = childrenOf(text, node).at(-1);
  if (isFlow(node) || !last)
    return appendFlow(text, node, key === undefined ? renderFlow(value) : renderFlowPair(key, value));
  const eol = lineEnding(text);
  const column = columnOf(text, last.start);
  const lines = key === undefined ? renderItem(value, column, eol) : renderPair(key, value, column, eol);
  return [insertLines(text, linesEnd(text, last), (isSpaced(text, node) ? eol : "") + lines)];
}

/** Turns `[]` into a block list with a first item, indented as the comments below it. */
export function insertFirst(text: string, { head }: ChildPosition, node: YAMLSeq, value: unknown): Splice[] {
  const [from = head, to = head] = node.range ?? [];
  const after = nextLine(text, to);
  const below = lineAt(text, after);
  const column = /^\s+#/.test(below) ? below.search(/\S/) : 2;
  const spaces = from - text.slice(0, from).trimEnd().length;
  return [
    { from: from - spaces, to, text: "" },
    insertLines(text, after, renderItem(value, column, lineEnding(text))),
  ];
}

/** Replaces a child's value. */
export function replace(text: string, node: Collection, child: Child, value: unknown): Splice[] {
  const comment = child.headComment ? ` ${child.headComment}` : "";
  if (isFlow(node)) {
    const space = child.key === undefined ? "" : " ";
    return [
      { from: child.head, to: Math.max(child.end, child.head), text: space + renderFlow(value) + comment },
    ];
  }
  const column = columnOf(text, child.start);
  const eol = lineEnding(text);
  const rendered =
    child.key === undefined ? renderItem(value, 0, eol).slice(1) : renderValue(child.key, value, column, eol);
  const [first = "", ...rest] = rendered.split(eol);
  return [
    { from: child.head, to: Math.max(child.end, child.head), text: [first + comment, ...rest].join(eol) },
  ];
}

/** Removes a child with its own comments. */
export function remove(text: string, holder: ChildPosition, node: Collection, index: number): Splice[] {
  const children = childrenOf(text, node);
  const child = children[index];
  if (!child) return [];
  if (isFlow(node)) return removeFlow(text, children, index);
  const next = children[index + 1];
  if (!beginsLine(text, child.start)) return removeBesideDash(text, node, child, next);
  const before = children[index - 1];
  const floor = before ? linesEnd(text, before) : nextLine(text, holder.head);
  const lines = { from: linesStart(text, child, floor), to: linesEnd(text, child) };
  const cut = withBlankLines(text, lines, before ? nextLine(text, before.end) : floor, !before);
  if (before || next) return [cut];
  return [{ from: holder.head, to: holder.head, text: ` ${emptyOf(node)}` }, cut];
}

const emptyOf = (node: Collection): string => (isSeq(node) ? "[]" : "{}");

/** Removes the first key of an item, which is on the dash's line. */
function removeBesideDash(text: string, node: Collection, child: Child, next: Child | undefined): Splice[] {
  const to = linesEnd(text, child);
  if (!next) return [{ from: child.start, to: child.end, text: emptyOf(node) }];
  const rest = text.slice(to);
  return [{ from: child.start, to: to + (rest.length - rest.trimStart().length), text: "" }];
}

/** Extends a cut by duplicate blank lines, and by the break before it if the text ends without one. */
function withBlankLines(
  text: string,
  lines: { from: number; to: number },
  floor: number,
  isFirst: boolean,
): Splice {
  let { from, to } = lines;
  let above = from;
  while (above > floor && isBlank(lineAt(text, lineStart(text, above - 1))))
    above = lineStart(text, above - 1);
  let below = to;
  while (below < text.length && isBlank(lineAt(text, below))) below = nextLine(text, below);
  if (above < from && (below > to || to === text.length)) from = above;
  else if (isFirst && from === floor && below < text.length) to = below;
  if (to === text.length && from > 0 && !text.endsWith("\n")) from -= text.endsWith("\r\n", from) ? 2 : 1;
  return { from, to, text: "" };
}

function removeFlow(text: string, children: readonly Child[], index: number): Splice[] {
  const { start = 0, end = 0 } = children[index] ?? {};
  const comma = /^\s*,/.exec(text.slice(end))?.[0].length ?? 0;
  const line = { from: lineStart(text, start), to: nextLine(text, end) };
  const isAlone = beginsLine(text, start) && /^\s*,?\s*(#.*)?$/.test(text.slice(end, line.to));
  const previous = children[index - 1];
  const floor = previous ? nextLine(text, previous.end) : line.from;
  if (isAlone && floor <= line.from)
    return [{ from: linesStart(text, { start } as Child, floor), to: line.to, text: "" }];
  if (comma > 0) {
    const space = /^[^\S\r\n]*/.exec(text.slice(end + comma))?.[0].length ?? 0;
    return [{ from: start, to: end + comma + space, text: "" }];
  }
  const isPlain = previous && /^\s*,[^\S\r\n]*$/.test(text.slice(previous.end, start));
  return [{ from: isPlain ? previous.end : start, to: end, text: "" }];
}

function appendFlow(text: string, node: Collection, rendered: string): Splice[] {
  const last = childrenOf(text, node).at(-1);
  const [start = 0, close = 0] = node.range ?? [];
  if (!last) {
    const space = text[start] === "{" && close === start + 2 ? " " : "";
    return [{ from: start + 1, to: start + 1, text: space + rendered + space }];
  }
  const comma = /^\s*,/.exec(text.slice(last.end))?.[0].length ?? 0;
  const below = nextLine(text, last.end + comma);
  const hasLines = beginsLine(text, last.start) && below < close && lineStart(text, last.start) > start;
  if (!hasLines) return [{ from: last.end, to: last.end, text: `, ${rendered}` }];
  const indent = text.slice(lineStart(text, last.start), last.start);
  const line = `${indent}${rendered}${comma > 0 ? "," : ""}${lineEnding(text)}`;
  const separator = comma > 0 ? [] : [{ from: last.end, to: last.end, text: "," }];
  return [...separator, { from: below, to: below, text: line }];
}

/** Inserts lines at the start of a line, or after a last line without a break. */
function insertLines(text: string, at: number, lines: string): Splice {
  const eol = lineEnding(text);
  const isAfterBreak = at === 0 || text[at - 1] === "\n";
  return { from: at, to: at, text: isAfterBreak ? lines + eol : eol + lines };
}

/** Whether the last two items have a blank line between them; false for keys of a map. */
function isSpaced(text: string, node: Collection): boolean {
  const [before, last] = childrenOf(text, node).slice(-2);
  if (!before || !last || last.key !== undefined) return false;
  return /\n[^\S\n]*\r?\n/.test(text.slice(before.end, last.start));
}
