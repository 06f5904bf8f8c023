/** A span of time as a person says it: `4 s`, `4m10s`. */
export function duration(ms: number): string {
  const seconds = Math.round(ms / 1000);
  if (seconds < 60) return `${seconds} s`;
  return `${Math.floor(seconds / 60)}m${String(seconds % 60).padStart(2, "0")}s`;
}

/** Compares `3.20.1` with `v3.9`; negative when the first is older. Anything after a dash or plus is ignored. */
export function compareVersions(a: string, b: string): number {
  const numbers = (version: string) =>
    (version.replace(/^v/, "").split(/[-+]/)[0] ?? "")
      .split(".")
      .map((part) => Number.parseInt(part, 10) || 0);
  const [left, right] = [numbers(a), numbers(b)];
  for (let i = 0; i < Math.max(left.length, right.length); i++) {
    const difference = (left[i] ?? 0) - (right[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
