/**
 * YAML text → plain values, with the place of every key and value. Only what a settings file needs is taken: one
 * document, plain keys, values that JSON can hold. Everything else is a finding; nothing is ever thrown.
 */
import { type Document, isAlias, isMap, isScalar, isSeq, type Node, parseDocument } from "yaml";

export type Path = readonly (string | number)[];

/** Something wrong, and where in the text it is. */
export interface Finding {
  readonly path: Path;
  readonly offset: number;
  readonly what: string;
  readonly fix?: string;
}

/** A text that was read. `value` is undefined when the text is no YAML at all. */
export interface ParsedYaml {
  readonly value: unknown;
  readonly findings: readonly Finding[];
  /** Offset of the value at a path, or of its key; of the nearest parent that exists when there is none. */
  offsetOf(path: Path, part?: "key" | "value"): number;
  /** Whether there is a value at a path. */
  has(path: Path): boolean;
  /** How a scalar is written in the file: `1.10` for the number 1.1. */
  sourceOf(path: Path): string | undefined;
  /** Line and column, both from 1. */
  position(offset: number): { readonly line: number; readonly col: number };
}

const MAX_LENGTH = 256 * 1024;
const MAX_NODES = 20_000;
const MAX_DEPTH = 24;
const MAX_ALIASES = 100;
const PLAIN_TAGS = /^(!|tag:yaml\.org,2002:(str|int|float|bool|null|map|seq))$/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
const CONTROL = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/;

const BRACKET = "has an unclosed bracket: missing ";

/** Plainer words for the mistakes people make most, by the parser's own; the rest keep the parser's words. */
const SYNTAX: readonly (readonly [RegExp, string])[] = [
  [/^Tabs are not/, "is indented with a tab: YAML takes spaces only"],
  [/^Source contains multiple/, "starts a second document (---): keep everything in one"],
  [/^Flow sequence in block/, `${BRACKET}]`],
  [/^Flow map in block/, `${BRACKET}}`],
  [/^Missing closing/, "has an unclosed quote"],
  [/^Sequence item without -/, "is indented like a list item but has no -: line it up with the key above"],
  [/^All mapping items must/, "is indented differently from the keys it belongs to"],
  [
    /^Nested mappings are not/,
    "has a second colon, or is indented too far: text with a colon and a space goes in quotes",
  ],
  [/^Implicit keys need to be/, "has no colon: write key: value"],
  [/^Plain value cannot start/, "starts with a character reserved by YAML: quote it"],
  [/^Unresolved tag/, "has an unsupported tag (!…): remove it"],
  [/^Maximum call stack/, "is nested too deeply to be read"],
  [/^With stringKeys/, "has a key that is not plain text"],
];

interface Place {
  readonly value: number;
  readonly key?: number;
  readonly source?: string;
}

const keyOf = (path: Path): string => JSON.stringify(path);

/** Reads a text. */
export function parseYaml(input: string): ParsedYaml {
  const text = input.replace(/^\uFEFF/, "");
  const position = positions(text);
  const places = new Map<string, Place>();
  const found = findAll(text, position, places);
  return {
    ...found,
    offsetOf(path, part = "value") {
      for (let length = path.length; length >= 0; length--) {
        const place = places.get(keyOf(path.slice(0, length)));
        if (place) return part === "key" && length === path.length ? (place.key ?? place.value) : place.value;
      }
      return 0;
    },
    has: (path) => places.has(keyOf(path)),
    sourceOf: (path) => places.get(keyOf(path))?.source,
    position,
  };
}

/** Offsets of a text → line and column. */
function positions(text: string): ParsedYaml["position"] {
  const starts = [0, ...Array.from(text.matchAll(/\n/g), ({ index }) => index + 1)];
  return (offset) => {
    let low = 0;
    for (let high = starts.length; high - low > 1; ) {
      const middle = (low + high) >> 1;
      if ((starts[middle] ?? 0) <= offset) low = middle;
      else high = middle;
    }
    return { line: low + 1, col: offset - (starts[low] ?? 0) + 1 };
  };
}

function findAll(text: string, position: ParsedYaml["position"], places: Map<string, Place>) {
  const fatal = (what: string, offset = 0, fix?: string) => ({
    value: undefined,
    findings: [{ path: [], offset, what, ...(fix && { fix }) }],
  });
  if (text.length > MAX_LENGTH) return fatal(`is larger than ${MAX_LENGTH / 1024} KiB`);
  const control = CONTROL.exec(text);
  if (control)
    return fatal(
      `contains the control character ${codePoint(control[0])}, which YAML does not allow`,
      control.index,
    );
  let document: Document.Parsed;
  try {
    document = parseDocument(text, {
      prettyErrors: false,
      stringKeys: true,
      uniqueKeys: false,
      merge: false,
      logLevel: "error",
    });
  } catch {
    return fatal("is nested too deeply to be read");
  }
  const findings = syntaxFindings(document, position);
  if (findings.length > 0) return { value: undefined, findings };
  return new NodeReader(document, places).run();
}

/** The parser's errors and warnings, one per line: the first is the cause, what follows it on the line is not. */
function syntaxFindings(document: Document.Parsed, position: ParsedYaml["position"]): Finding[] {
  const findings = new Map<number, Finding>();
  for (const { message, pos } of [...document.errors, ...document.warnings]) {
    const line = position(pos[0]).line;
    const known = SYNTAX.find(([pattern]) => pattern.test(message))?.[1];
    const what =
      known ?? `is not YAML: ${message.charAt(0).toLowerCase()}${message.slice(1).replace(/\s+/g, " ")}`;
    if (!findings.has(line)) findings.set(line, { path: [], offset: pos[0], what });
  }
  if (findings.size === 0 && document.directives?.yaml.version !== "1.2")
    return [{ path: [], offset: 0, what: "must be YAML 1.2", fix: "remove the %YAML line" }];
  return [...findings.values()];
}

const codePoint = (character: string): string =>
  `U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0")}`;

/** Turns nodes into values, noting places and findings on the way. */
class NodeReader {
  readonly #document: Document.Parsed;
  readonly #places: Map<string, Place>;
  readonly #findings: Finding[] = [];
  readonly #open = new Set<unknown>();
  /** The first thing that goes beyond what is read at all; nothing else is reported then. */
  #limitFinding: Finding | undefined;
  #nodes = 0;
  #aliases = 0;

  constructor(document: Document.Parsed, places: Map<string, Place>) {
    this.#document = document;
    this.#places = places;
  }

  run(): { value: unknown; findings: readonly Finding[] } {
    const value = this.#value(this.#document.contents, [], 0, undefined);
    if (this.#limitFinding) return { value: undefined, findings: [this.#limitFinding] };
    return { value, findings: this.#findings };
  }

  #addFinding(path: Path, offset: number, what: string, fix?: string): null {
    this.#findings.push({ path, offset, what, ...(fix && { fix }) });
    return null;
  }

  #rejectTooLarge(path: Path, offset: number, what: string): null {
    this.#limitFinding ??= { path, offset, what, fix: "put what projects share under defaults" };
    return null;
  }

  /** The value of a node; null where there is none, or where a finding was made instead. */
  #value(node: Node | null, path: Path, parent: number, key: number | undefined): unknown {
    const offset = node?.range?.[0] ?? parent;
    const empty = !node || (isScalar(node) && node.value === null && !node.source);
    const source = isScalar(node) ? node.source : undefined;
    const place: Place = { value: empty ? (key ?? offset) : offset, key, source };
    if (!this.#places.has(keyOf(path))) this.#places.set(keyOf(path), place);
    if (empty) return null;
    if (++this.#nodes > MAX_NODES)
      return this.#rejectTooLarge(path, offset, `has more than ${MAX_NODES} values`);
    if (path.length > MAX_DEPTH)
      return this.#addFinding(path, offset, `is more than ${MAX_DEPTH} levels deep`);
    if (isAlias(node)) return this.#alias(node, path, offset, key);
    if (node.tag && !PLAIN_TAGS.test(node.tag))
      return this.#addFinding(
        path,
        offset,
        `has the tag ${node.tag.replace("tag:yaml.org,2002:", "!!")}, which is not used here`,
        "remove it",
      );
    if (isMap(node) || isSeq(node)) return this.#collection(node, path, offset);
    return this.#scalar(isScalar(node) ? node.value : undefined, path, offset, source);
  }

  #alias(node: Node & { source: string }, path: Path, offset: number, key: number | undefined): unknown {
    if (++this.#aliases > MAX_ALIASES)
      return this.#rejectTooLarge(path, offset, `exceeds the limit of ${MAX_ALIASES} aliases`);
    const target = isAlias(node) ? node.resolve(this.#document) : undefined;
    if (!target)
      return this.#addFinding(
        path,
        offset,
        `*${node.source} refers to &${node.source}, which is not defined above`,
      );
    if (this.#open.has(target)) return this.#addFinding(path, offset, `*${node.source} refers to itself`);
    return this.#value(target, path, offset, key);
  }

  #collection(node: Node, path: Path, offset: number): unknown {
    this.#open.add(node);
    const value = isSeq<Node>(node)
      ? node.items.map((item, index) => this.#value(item, [...path, index], offset, undefined))
      : this.#map(node, path, offset);
    this.#open.delete(node);
    return value;
  }

  #map(node: Node, path: Path, offset: number): Record<string, unknown> {
    const result: Record<string, unknown> = {};
    const seen = new Map<string, number>();
    for (const pair of isMap<Node | null, Node | null>(node) ? node.items : []) {
      const at = pair.key?.range?.[0] ?? offset;
      const key = isScalar(pair.key) ? String(pair.key.value ?? pair.key.source ?? "") : "";
      if (key === "__proto__" || key === "constructor") {
        this.#addFinding([...path, key], at, "is not an allowed key");
      } else if (seen.has(key)) {
        this.#addFinding([...path, key], at, "is defined twice", "keep one of the two");
      } else {
        seen.set(key, at);
        result[key] = this.#value(pair.value, [...path, key], at, at);
      }
    }
    return result;
  }

  #scalar(value: unknown, path: Path, offset: number, source: string | undefined): unknown {
    if (typeof value === "string" && CONTROL.test(value)) {
      const character = CONTROL.exec(value)?.[0] ?? "";
      return this.#addFinding(path, offset, `has the character ${codePoint(character)} in it`);
    }
    if (typeof value === "number" && !Number.isFinite(value))
      return this.#addFinding(path, offset, `${source} is not a number that can be used`);
    if (typeof value === "number" && Number.isInteger(value) && !Number.isSafeInteger(value))
      return this.#addFinding(path, offset, `${source} is too large to be exact`, "put it in quotes");
    if (value === null || ["string", "number", "boolean"].includes(typeof value)) return value;
    return this.#addFinding(path, offset, "is not text, a number, true or false");
  }
}
