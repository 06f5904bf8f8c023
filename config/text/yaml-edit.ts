/**
 * Edits a YAML text one value at a time, and keeps every other byte: `yaml`'s Document has each node's position, and the text is spliced
 * there. (Its toString() would reformat quotes, indentation and blank lines of the whole file.)
 */
import { isDeepStrictEqual } from "node:util";
import {
  type Alias,
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  type Node,
  parseDocument,
  visit,
} from "yaml";
import { append, type ChildPosition, insertFirst, remove, replace, type Splice } from "./yaml-cuts.ts";
import { type Child, type Collection, childrenOf, isFlow } from "./yaml-layout.ts";
import { renderFlow } from "./yaml-render.ts";

/** The text uses YAML that can't be edited. */
export class NotEditable extends Error {
  override readonly name = "NotEditable";
}

export type Step = string | number;

export const parse = (text: string): Document.Parsed =>
  parseDocument(text, {
    keepSourceTokens: true,
    stringKeys: true,
    uniqueKeys: false,
    merge: false,
    prettyErrors: false,
    logLevel: "error",
  });

/** Parses a text to plain JSON values. @throws NotEditable for invalid YAML, or cyclic or excessive aliases */
export function plainValue(text: string): unknown {
  const document = parse(text);
  try {
    if (document.errors.length === 0) return document.toJS({ maxAliasCount: 1000 });
  } catch {
    // aliases
  }
  throw notEditable();
}

/** The value of a node, with aliases resolved. */
function plainNode(document: Document, node: Node | null): unknown {
  const resolved = isAlias(node) ? node.resolve(document) : node;
  if (isSeq<Node | null>(resolved)) return resolved.items.map((item) => plainNode(document, item));
  if (isMap<Node, Node | null>(resolved))
    return Object.fromEntries(
      resolved.items.map(({ key, value }) => [String(key), plainNode(document, value)] as const),
    );
  return isScalar(resolved) ? resolved.value : null;
}

/**
 * Sets the value at a path with minimal splices; `undefined` removes it. An index one past the end appends an item.
 * @throws NotEditable if the path is invalid, or the result would differ
 */
export function setValue(text: string, path: readonly Step[], given: unknown): string {
  // Through JSON: drops undefined keys, and is comparable with the parsed text.
  const value: unknown = given === undefined ? undefined : JSON.parse(JSON.stringify(given));
  const wanted = withValue(plainValue(text), path, value);
  let now = text;
  // Each round removes one difference, and a text has no more values than characters.
  const mostRounds = value === undefined ? 1 : text.length + 1000;
  for (let round = 0; round < mostRounds; round++) {
    const document = parse(now);
    const splices = splicesAt(document, now, path, value);
    if (splices.length === 0) break;
    now = applySplices(now, [...splices, ...moveAnchors(document, splices)]);
  }
  if (!isDeepStrictEqual(plainValue(now), wanted)) throw notEditable();
  return now;
}

const notEditable = () => new NotEditable("uses YAML that the panel can't edit");

function applySplices(text: string, splices: readonly Splice[]): string {
  const fromTheEnd = splices.toSorted((a, b) => b.from - a.from || b.to - a.to);
  return fromTheEnd.reduce((now, { from, to, text: put }) => now.slice(0, from) + put + now.slice(to), text);
}

/** Copies a plain value with another value at a path. */
function withValue(whole: unknown, [step, ...rest]: readonly Step[], value: unknown): unknown {
  if (step === undefined) return value;
  if (Array.isArray(whole) && typeof step === "number") {
    const put = withValue(whole[step], rest, value);
    return put === undefined ? whole.toSpliced(step, 1) : whole.toSpliced(step, 1, put);
  }
  if (typeof whole !== "object" || whole === null || Array.isArray(whole)) throw notEditable();
  const { [step]: old, ...others } = whole as Record<string, unknown>;
  const put = withValue(old, rest, value);
  return put === undefined ? others : { ...others, [step]: put };
}

/** Splices that remove one difference from the value at a path; empty if there is none. */
function splicesAt(document: Document, text: string, path: readonly Step[], value: unknown): Splice[] {
  let node: unknown = document.contents;
  let holder: ChildPosition = { head: 0, isInFlow: false };
  for (const step of path.slice(0, -1)) {
    if (!isCollection(node)) throw notEditable();
    const child = childrenOf(text, node).find(isAt(node, step));
    if (!child) throw notEditable();
    holder = child;
    node = child.value;
  }
  if (!isCollection(node)) throw notEditable();
  return splicesFor({ document, text }, holder, node, path.at(-1) ?? 0, value);
}

interface Source {
  readonly document: Document;
  readonly text: string;
}

const isCollection = (node: unknown): node is Collection => isMap(node) || isSeq(node);

const isAt = (node: Collection, step: Step) => (child: Child, index: number) =>
  isSeq(node) ? index === step : child.key === step;

function splicesFor(
  source: Source,
  holder: ChildPosition,
  node: Collection,
  step: Step,
  value: unknown,
): Splice[] {
  const { text, document } = source;
  const children = childrenOf(text, node);
  const index = children.findIndex(isAt(node, step));
  const child = children[index];
  if (value === undefined) return child ? remove(text, holder, node, index) : [];
  if (!child) return add(source, holder, node, step, value);
  const { value: old } = child;
  if (isDeepStrictEqual(plainNode(document, old), value)) return [];
  if (isCollection(old) && !isShared(document, old)) {
    if (isMap(old) && isFilledMap(value)) return mapCuts(source, child, old, value);
    if (isSeq(old) && Array.isArray(value)) {
      const cuts = listCuts(source, child, old, value);
      if (cuts) return cuts;
    }
  }
  return replace(text, node, child, value);
}

function add(
  { text }: Source,
  holder: ChildPosition,
  node: Collection,
  step: Step,
  value: unknown,
): Splice[] {
  if (isMap(node)) return append(text, node, String(step), value);
  if (step !== node.items.length) throw notEditable();
  const [from = 0, to = 0] = node.range ?? [];
  // Entries are written as blocks; other lists are short and stay in brackets.
  const isBare = isFlow(node) && text.slice(from + 1, to - 1).trim() === "" && !holder.isInFlow;
  return isBare && isFilledMap(value)
    ? insertFirst(text, holder, node, value)
    : append(text, node, undefined, value);
}

const isFilledMap = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value) && Object.keys(value).length > 0;

/** Splices for the first key that differs. */
function mapCuts(
  source: Source,
  holder: ChildPosition,
  node: Collection,
  value: Record<string, unknown>,
): Splice[] {
  const present = childrenOf(source.text, node).map(({ key }) => key ?? "");
  const steps = [...present.filter((key) => value[key] === undefined), ...Object.keys(value)];
  for (const step of steps) {
    const cuts = splicesFor(source, holder, node, step, value[step]);
    if (cuts.length > 0) return cuts;
  }
  return [];
}

/** Splices for a removed item, or one appended at the end; undefined if the order differs. */
function listCuts(
  source: Source,
  holder: ChildPosition,
  node: Collection,
  value: readonly unknown[],
): Splice[] | undefined {
  const old = node.items.map((item) => plainNode(source.document, item as Node));
  const gone = old.findIndex((item) => !value.some((other) => isDeepStrictEqual(item, other)));
  if (value.length === 0 && !isFlow(node) && old.length > 1) return undefined;
  if (gone >= 0) return remove(source.text, holder, node, gone);
  const isStart = old.length < value.length && isDeepStrictEqual(old, value.slice(0, old.length));
  return isStart ? append(source.text, node, undefined, value[old.length]) : undefined;
}

const isShared = (document: Document, node: Node): boolean => aliasesOf(document, node).length > 0;

function aliasesOf(document: Document, node: Node): Alias[] {
  const found: Alias[] = [];
  if (!("anchor" in node) || !node.anchor) return found;
  visit(document, {
    Alias(_, alias) {
      if (alias.resolve(document) === node) found.push(alias);
    },
  });
  return found;
}

/** Moves the anchor of a removed node, with its value, to the first alias that stays. */
function moveAnchors(document: Document, cuts: readonly Splice[]): Splice[] {
  const isCut = ({ range }: Node) => cuts.some(({ from, to }) => range && range[0] >= from && range[0] < to);
  const moved: Splice[] = [];
  visit(document, {
    Node(_, node) {
      if (!isCut(node) || isAlias(node)) return;
      const first = aliasesOf(document, node).find((alias) => !isCut(alias));
      if (!first?.range) return;
      const [from, to] = first.range;
      moved.push({ from, to, text: `&${first.source} ${renderFlow(plainNode(document, node))}` });
    },
  });
  return moved;
}
