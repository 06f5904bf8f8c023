/** The text of a devcontainer.json: JSON with comments, and the place of what is in it. */
import {
  findNodeAtLocation,
  getNodeValue,
  type ParseError,
  parseTree,
  printParseErrorCode,
} from "jsonc-parser";
import { type Problem, UserError } from "../errors.ts";
import { formatPath } from "../projects/messages.ts";
import { isMap, type UncheckedMap } from "../projects/rough.ts";
import type { Path } from "../text/yaml.ts";

/** More is no file that a person has written. */
const MAX_LENGTH = 256 * 1024;

/** A file that was read, and what is wrong with it so far. */
export class DevcontainerText {
  readonly value: UncheckedMap;
  readonly #found: { readonly offset: number; readonly problem: Problem }[] = [];
  readonly #file: string;
  readonly #text: string;
  readonly #root: ReturnType<typeof parseTree>;
  readonly #hasPlaces: boolean;

  /**
   * @param hasPlaces whether a person has written it, so that lines and columns say where something is
   * @throws UserError if it is no JSON, or no map.
   */
  constructor(text: string, file: string, hasPlaces = true) {
    this.#file = file;
    this.#hasPlaces = hasPlaces;
    this.#text = text.replace(/^\uFEFF/, "");
    if (text.length > MAX_LENGTH) throw this.#error("is longer than 256 KiB");
    const errors: ParseError[] = [];
    this.#root = parseTree(this.#text, errors, { allowTrailingComma: true });
    const [first] = errors;
    if (first) throw this.#error(`is no JSON: ${wordsOf(first)}`, first.offset);
    const value: unknown = this.#root && getNodeValue(this.#root);
    if (!isMap(value)) throw this.#error('is not a map ({ "image": … })');
    this.value = value;
  }

  /** Adds a problem of what is at a path. */
  refuse(path: Path, what: string, fix?: string): void {
    const node = this.#root && findNodeAtLocation(this.#root, [...path]);
    const offset = node?.offset ?? 0;
    const where = `${this.#at(offset)} ${formatPath(path)}`;
    this.#found.push({ offset, problem: { where, what, ...(fix === undefined ? {} : { fix }) } });
  }

  /** Throws the problems so far, in the order of the file. */
  throwProblems(): void {
    if (this.#found.length === 0) return;
    const inOrder = this.#found.toSorted((a, b) => a.offset - b.offset);
    throw new UserError(
      "config",
      inOrder.map(({ problem }) => problem),
    );
  }

  #at(offset: number): string {
    if (!this.#hasPlaces) return `${this.#file}:`;
    const before = this.#text.slice(0, offset).split("\n");
    return `${this.#file}:${before.length}:${(before.at(-1)?.length ?? 0) + 1}`;
  }

  #error(what: string, offset = 0): UserError {
    return new UserError("config", [{ where: this.#at(offset), what }]);
  }
}

/** `CommaExpected` → `comma expected`. */
const wordsOf = ({ error }: ParseError): string =>
  printParseErrorCode(error)
    .replace(/(?<!^)([A-Z])/g, " $1")
    .toLowerCase();
