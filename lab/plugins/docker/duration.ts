/** Durations in Go's format: `1m30s`. */

const UNITS: Readonly<Record<string, number>> = {
  ns: 1,
  us: 1e3,
  µs: 1e3,
  ms: 1e6,
  s: 1e9,
  m: 60e9,
  h: 3600e9,
};

export const DURATION = /^(\d+(\.\d+)?(ns|us|µs|ms|s|m|h))+$|^0$/;

/** Nanoseconds in a duration. */
export function parseDuration(duration: string): number {
  const parts = duration.matchAll(/(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h)/g);
  return [...parts].reduce((sum, [, amount, unit]) => sum + Number(amount) * (UNITS[unit ?? "ns"] ?? 1), 0);
}

/** Formats a duration like Go: `90s` becomes `1m30s`. */
export function formatDuration(nanoseconds: number): string {
  if (nanoseconds === 0) return "0s";
  for (const [unit, size] of [
    ["ns", 1],
    ["µs", 1e3],
    ["ms", 1e6],
  ] as const) {
    if (nanoseconds < size * 1000) return `${nanoseconds / size}${unit}`;
  }
  const seconds = (nanoseconds % 60e9) / 1e9;
  const minutes = Math.floor(nanoseconds / 60e9) % 60;
  const hours = Math.floor(nanoseconds / 3600e9);
  if (hours > 0) return `${hours}h${minutes}m${seconds}s`;
  return minutes > 0 ? `${minutes}m${seconds}s` : `${seconds}s`;
}
