/** An amount of memory. */
export interface Size {
  readonly bytes: number;
  /** Whole MiB, rounded down: what Docker's provider is given. */
  readonly mib: number;
  /** As the person wrote it: `4GiB`. */
  readonly text: string;
}

const UNITS = { MiB: 2 ** 20, GiB: 2 ** 30, MB: 1e6, GB: 1e9 } as const;

/** What a size looks like: a number (up to three decimals) and a unit, with nothing between. */
export const SIZE_PATTERN = /^(\d{1,6}(?:\.\d{1,3})?)(MiB|GiB|MB|GB)$/;

/** The size that a text such as `512MiB` or `1.5GiB` means, or undefined when it is not one. */
export function parseSize(text: string): Size | undefined {
  const [, amount, unit] = SIZE_PATTERN.exec(text) ?? [];
  if (amount === undefined || unit === undefined) return undefined;
  const bytes = Math.floor(Number(amount) * UNITS[unit as keyof typeof UNITS]);
  return { bytes, mib: Math.floor(bytes / UNITS.MiB), text };
}

/** The size that a text in the program means. @throws Error when it is none */
export function sizeOf(text: string): Size {
  const size = parseSize(text);
  if (!size) throw new Error(`"${text}" is not a size`);
  return size;
}

/** A number of bytes in words, in GiB with one decimal from 1 GiB up and in whole MiB below. */
export function formatSize(bytes: number): string {
  if (bytes < UNITS.GiB) return `${Math.floor(bytes / UNITS.MiB)}MiB`;
  return `${(Math.floor((bytes / UNITS.GiB) * 10) / 10).toFixed(1).replace(/\.0$/, "")}GiB`;
}

/** The most likely size behind `4g`, `512 mb` or `4Gi`: `4GiB`, `512MB`. */
export function guessSize(text: string): string | undefined {
  const [, amount, letter, rest] = /^\s*(\d{1,6}(?:\.\d{1,3})?)\s*([mg])(i?b?)\s*$/i.exec(text) ?? [];
  if (amount === undefined || letter === undefined) return undefined;
  return `${amount}${letter.toUpperCase()}${rest?.toLowerCase() === "b" ? "B" : "iB"}`;
}
