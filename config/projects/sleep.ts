/** `sleep` of the defaults and of an entry: when a project that nobody uses is put to sleep, and what keeps it awake. */
import * as z from "zod";
import { durationMistake, parseDuration } from "../stack/durations.ts";
import { show } from "../text/show.ts";
import { about } from "./field-schemas.ts";
import { mapOf } from "./rough.ts";

/** When a project is put to sleep: paused, with its memory in the host's swap. */
export type Sleep =
  | "never"
  | {
      /** Time without activity, in milliseconds. */
      readonly afterMs: number;
      /** Whether a session that waits for a permission or an answer may be put to sleep too. */
      readonly pending: boolean;
    };

/** What a project gets where neither its entry nor `defaults` says otherwise. */
export const DEFAULT_SLEEP = { after: "30m", pending: false } as const;

/** Below a minute people would wait for a project between two prompts; whoever means more than a month means never. */
const SHORTEST = { text: "1m", seconds: 60 };
const LONGEST = { text: "720h", seconds: 720 * 3600 };

/** What is said of anything but a map and `never`, and of a map with a value of another kind; a duration alone is most likely meant as one. */
const sleepError = about((found, input) => {
  if (input === false || input === "off") return `${found} is not a setting of sleep: write never`;
  const { after, pending } = mapOf(input);
  if (after !== undefined && typeof after !== "string")
    return `after: ${show(after)} is not a duration: write a number with a unit (e.g. 30m, 1h30m)`;
  if (pending !== undefined) return `pending: ${show(pending)} is not true or false`;
  const isDuration = typeof input === "string" && parseDuration(input) !== undefined;
  return `${found} is not a setting of sleep: ${isDuration ? `write { after: ${input} }` : "write never, or { after: 30m }"}`;
});

function afterMistake(text: string): string | undefined {
  if (text === "never") return "never stands for the whole: write sleep: never";
  const seconds = parseDuration(text);
  if (seconds === undefined) {
    const { mistake, instead } = durationMistake(text, "30m, 1h30m", LONGEST.seconds);
    return instead ? `${mistake}; did you mean ${instead}?` : mistake;
  }
  if (seconds < SHORTEST.seconds) return `${show(text)} is too short: ${SHORTEST.text} or more`;
  const isTooLong = seconds > LONGEST.seconds;
  return isTooLong ? `${show(text)} is too long: at most ${LONGEST.text}, or write sleep: never` : undefined;
}

const after = z.string().superRefine((text, context) => {
  const message = afterMistake(text);
  if (message) context.addIssue({ code: "custom", message });
});

const settings = z.strictObject({
  after: after
    .optional()
    .describe(
      `Time without activity after which the project is put to sleep, a number with s, m or h; ${SHORTEST.text} to ${LONGEST.text}. Activity is a prompt, a session that works, a terminal with a program in its foreground, a request to one of the project's ports, a transfer to the outside; an open page is none. Default: ${DEFAULT_SLEEP.after}.`,
    )
    .meta({ examples: ["30m", "2h"] }),
  pending: z
    .boolean()
    .optional()
    .describe(
      `Whether a session that waits for a permission or an answer is put to sleep too. Default: ${DEFAULT_SLEEP.pending}.`,
    ),
});

/** The key `sleep`. */
export const sleep = z.union([z.literal("never"), settings], { error: sleepError }).meta({
  examples: ["never", { after: "30m" }],
});

type Written = z.output<typeof sleep>;

/** `sleep` as the program uses it: key by key from the entry, the defaults and DEFAULT_SLEEP; `never` replaces the whole. */
export function readSleep(entry: Written | undefined, defaults: Written | undefined): Sleep {
  const written = entry ?? defaults;
  if (written === "never") return written;
  const { after, pending } = { ...DEFAULT_SLEEP, ...keysOf(defaults), ...keysOf(entry) };
  return { afterMs: (parseDuration(after) ?? 0) * 1000, pending };
}

const keysOf = (written: Written | undefined) => (written === "never" ? {} : written);
