import coerce from "semver/functions/coerce.js";
import compare from "semver/functions/compare.js";

/** Formats a duration: `4 s`, `4m10s`. */
export function duration(ms: number): string {
  const seconds = Math.round(ms / 1000);
  if (seconds < 60) return `${seconds} s`;
  return `${Math.floor(seconds / 60)}m${String(seconds % 60).padStart(2, "0")}s`;
}

/**
 * Compares `3.20.1` with `v3.9`; negative if the first is older. Suffixes after a dash or plus are ignored;
 * no version is the oldest.
 */
export function compareVersions(a: string, b: string): number {
  const [left, right] = [coerce(a) ?? "0.0.0", coerce(b) ?? "0.0.0"];
  return compare(left, right);
}
