/** How a setting's text becomes a value, or a mistake with what to write instead. */
import * as z from "zod";
import { closest, show } from "../text/show.ts";

/** What is wrong with a text. */
export interface Mistake {
  readonly mistake: string;
  /** What most likely was meant, ready to be set. */
  readonly instead?: string;
}

/** A text → what it means, or what is wrong with it. */
export type Reader<T> = (text: string) => T | Mistake;

export const isMistake = (result: unknown): result is Mistake =>
  typeof result === "object" && result !== null && "mistake" in result;

/** A zod schema for one value. The guess of a mistake is in the issue's `params.instead`. */
export const reads = <T>(read: Reader<T>, missing = "is missing") =>
  z
    .string({ error: ({ input }) => (input === undefined ? missing : undefined) })
    .transform((text, context): T => {
      const result = read(text.trim());
      if (!isMistake(result)) return result;
      return refuse(context, result);
    });

/**
 * A zod schema for a list: JSON, or words with commas or spaces between. Every wrong item is an issue of its own, and the guess of each
 * is the whole list, with `<item>` where nothing could be guessed.
 */
export const readsList = <T extends string>(read: Reader<T>, item: string) =>
  z.string().transform((text, context): T[] => {
    const words = splitList(text);
    if (isMistake(words)) return refuse(context, words);
    const results = words.map(read);
    const mistakes = results.filter(isMistake);
    if (mistakes.length === 0) return [...new Set(results as T[])];
    const instead = results
      .map((result) => (isMistake(result) ? (result.instead ?? `<${item}>`) : result))
      .join(",");
    for (const { mistake } of mistakes) refuse(context, { mistake, instead });
    return z.NEVER;
  });

function refuse(context: z.core.$RefinementCtx<string>, { mistake, instead }: Mistake): never {
  context.addIssue({ code: "custom", message: mistake, params: { instead } });
  return z.NEVER;
}

/** The items of a list, as a person or Pulumi writes it. */
function splitList(text: string): string[] | Mistake {
  if (!/^\s*[[{]/.test(text)) return text.split(/[\s,]+/).filter(Boolean);
  const list = parseJson(text);
  const isList =
    Array.isArray(list) && list.every((item) => typeof item === "string" || typeof item === "number");
  return isList
    ? list.map((item) => String(item).trim())
    : { mistake: "is not a list: write its items with commas between" };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** One of a few words. */
export const readChoice =
  <const T extends string>(options: readonly T[]): Reader<T> =>
  (text) => {
    const found = options.find((option) => option === text);
    if (found) return found;
    const list = `${options.slice(0, -1).join(", ")} or ${options.at(-1)}`;
    return { mistake: `${show(text)} is not ${list}`, instead: closest(text, options) };
  };

/** true or false. */
export const readBoolean: Reader<boolean> = (text) => {
  const result = readChoice(["true", "false"])(text);
  return isMistake(result) ? result : result === "true";
};

/** A whole number in a range, of something. */
export const readCount =
  (what: string, least: number, most: number): Reader<number> =>
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
export const readForm =
  (pattern: RegExp, what: string): Reader<string> =>
  (text) => {
    if (pattern.test(text)) return text;
    const lower = text.toLowerCase();
    return { mistake: `${show(text)} is not ${what}`, ...(pattern.test(lower) && { instead: lower }) };
  };
