import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/**
 * Encoded forms of a value, by name. It only has letters, digits, `+`, `/` and `-`, so no other form quotes
 * it.
 */
export function formsOf(value: string): Record<string, string> {
  const bytes = Buffer.from(value, "utf8");
  return {
    plain: value,
    url: encodeURIComponent(value),
    hex: bytes.toString("hex"),
    ...Object.fromEntries([0, 1, 2].map((offset) => [`base64 at ${offset}`, base64Core(bytes, offset)])),
    ...Object.fromEntries(
      [0, 1, 2].map((offset) => [`base64url at ${offset}`, toUrl(base64Core(bytes, offset))]),
    ),
  };
}

/** The value's base64 when it follows the given number of other bytes, such as `user:`. */
function base64Core(bytes: Buffer, offset: number): string {
  const encoded = Buffer.concat([Buffer.alloc(offset), bytes]).toString("base64");
  return encoded.slice([0, 2, 3][offset], Math.floor(((offset + bytes.length) * 8) / 6));
}

const toUrl = (base64: string): string => base64.replaceAll("+", "-").replaceAll("/", "_");

/** A searched text and its source. */
export interface Place {
  readonly where: string;
  readonly text: string;
}

/** Every occurrence of a value, as `shared (base64 at 0) in .state/x.json`, without the value. */
export function findLeaks(values: Readonly<Record<string, string>>, places: Iterable<Place>): string[] {
  const forms = Object.entries(values).flatMap(([name, value]) =>
    // Of equal forms, such as plain and URL of a value without `+` and `/`, the first counts.
    Object.entries(formsOf(value))
      .filter(([, text], index, all) => all.findIndex(([, other]) => other === text) === index)
      .map(([form, text]) => ({ name, form, text })),
  );
  const found: string[] = [];
  for (const { where, text } of places) {
    for (const form of forms)
      if (text.includes(form.text)) found.push(`${form.name} (${form.form}) in ${where}`);
  }
  return found;
}

/**
 * Every file under a directory, as text; binary bytes become characters, so that values are found in them
 * too.
 */
export function* filesUnder(
  directory: string,
  skip: (path: string) => boolean = () => false,
): Generator<Place> {
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name);
    if (skip(path)) continue;
    if (entry.isDirectory()) yield* filesUnder(path, skip);
    else if (entry.isFile()) yield { where: path, text: readFileSync(path, "latin1") };
  }
}

/** Polls the command lines of all processes about a hundred times a second, until it is stopped. */
export function watchCommandLines(): { stop(): Set<string> } {
  const seen = new Set<string>();
  const look = () => {
    for (const pid of readdirSync("/proc")) {
      if (!/^\d+$/.test(pid)) continue;
      try {
        seen.add(readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " "));
      } catch {
        // it has ended
      }
    }
  };
  const timer = setInterval(look, 10);
  return {
    stop: () => {
      clearInterval(timer);
      return seen;
    },
  };
}
