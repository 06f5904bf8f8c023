/** The result of one check: as it should be, something to know, or something to fix. */
export interface Finding {
  verdict: "ok" | "note" | "failed";
  /** `docker: 28.2.2 answers`. */
  text: string;
  /** The command or the place that puts it right. */
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

/** A finding as lines: its mark and text, and under it the fix. */
export function formatFinding({ verdict, text, fix }: Finding): string {
  return `${MARKS[verdict]} ${text}${fix ? `\n    → ${fix}` : ""}`;
}
