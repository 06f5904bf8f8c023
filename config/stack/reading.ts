/** How a setting's text becomes a value, or a mistake with what to write instead. */
import * as z from "zod";
import { parseJson } from "../text/json.ts";
import { closest, show } from "../text/show.ts";

/** What is wrong with a text. */
export interface ParseError {
  readonly mistake: string;
  /** What most likely was meant, ready to be set. */
  readonly instead?: string;
}

/** A text → what it means, or what is wrong with it. */
export type Parser<T> = (text: string) => T | ParseError;

export const isParseError = (result: unknown): result is ParseError =>
  typeof result === "object" && result !== null && "mistake" in result;

/** A zod schema for one value. The guess of a mistake is in the issue's `params.instead`. */
export const reads = <T>(read: Parser<T>, missing = "is missing") =>
  z
    .string({ error: ({ input }) => (input === undefined ? missing : undefined) })
    .transform((text, context): T => {
      const result = read(text.trim());
      if (!isParseError(result)) return result;
      return refuse(context, result);
    });

/**
 * A zod schema for a list: JSON, or words with commas or spaces between. Every wrong item is an issue of its own, and the guess of each
 * is the whole list, with `<item>` where nothing could be guessed.
 */
export const listParsedBy = <T extends string>(read: Parser<T>, item: string) =>
  z.string().transform((text, context): T[] => {
    const words = splitList(text);
    if (isParseError(words)) return refuse(context, words);
    const results = words.map(read);
    const mistakes = results.filter(isParseError);
    if (mistakes.length === 0) return [...new Set(results as T[])];
    const instead = results
      .map((result) => (isParseError(result) ? (result.instead ?? `<${item}>`) : result))
      .join(",");
    for (const { mistake } of mistakes) refuse(context, { mistake, instead });
    return z.NEVER;
  });

function refuse(context: z.core.$RefinementCtx<string>, { mistake, instead }: ParseError): never {
  context.addIssue({ code: "custom", message: mistake, params: { instead } });
  return z.NEVER;
}

/** The items of a list, as a person or Pulumi writes it. */
function splitList(text: string): string[] | ParseError {
  if (!/^\s*[[{]/.test(text)) return text.split(/[\s,]+/).filter(Boolean);
  const list = parseJson(text);
  const isList =
    Array.isArray(list) && list.every((item) => typeof item === "string" || typeof item === "number");
  return isList
    ? list.map((item) => String(item).trim())
    : { mistake: "must be a list: separate items with commas" };
}

/** One of a few words. */
export const parseChoice =
  <const T extends string>(options: readonly T[]): Parser<T> =>
  (text) => {
    const found = options.find((option) => option === text);
    if (found) return found;
    const list = `${options.slice(0, -1).join(", ")} or ${options.at(-1)}`;
    return { mistake: `${show(text)} is not ${list}`, instead: closest(text, options) };
  };

/** true or false. */
export const parseBoolean: Parser<boolean> = (text) => {
  const result = parseChoice(["true", "false"])(text);
  return isParseError(result) ? result : result === "true";
};

/** A whole number in a range, of something. */
export const parseInteger =
  (what: string, least: number, most: number): Parser<number> =>
  (text) => {
    const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
    if (value >= least && value <= most) return value;
    const [, digits] = /^(\d{1,9})\s*(?:g|gb|gib)$/i.exec(text) ?? [];
    const guess = Number(digits ?? Number.NaN);
    return {
      mistake: `${show(text)} is not ${what}: a whole number from ${least} to ${most}`,
      ...(guess >= least && guess <= most && { instead: String(guess) }),
    };
  };

/** A text of a given form. */
export const parsePattern =
  (pattern: RegExp, what: string): Parser<string> =>
  (text) => {
    if (pattern.test(text)) return text;
    const lower = text.toLowerCase();
    return { mistake: `${show(text)} is not ${what}`, ...(pattern.test(lower) && { instead: lower }) };
  };
