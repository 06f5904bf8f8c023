/** The result of one check: fine, worth knowing, or to be fixed. */
export interface Finding {
  verdict: "ok" | "note" | "failed";
  /** Such as `docker: 28.2.2 answers`. */
  text: string;
  /** The command or place that fixes it. */
  fix?: string;
}

export const ok = (text: string): Finding => ({ verdict: "ok", text });
export const note = (text: string, fix?: string): Finding => ({
  verdict: "note",
  text,
  ...(fix ? { fix } : {}),
});
export const failed = (text: string, fix: string): Finding => ({ verdict: "failed", text, fix });

const MARKS = { ok: "✓", note: "·", failed: "✗" } as const;

/** Formats a finding: mark and text, then the fix on a line of its own. */
export function formatFinding({ verdict, text, fix }: Finding): string {
  return `${MARKS[verdict]} ${text}${fix ? `\n    → ${fix}` : ""}`;
}
