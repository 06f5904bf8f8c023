/** What one look found: fine, something to know, or something to mend. */
export interface Finding {
  verdict: "fine" | "note" | "wrong";
  /** `docker: 28.2.2 answers`. */
  text: string;
  /** How to mend it. */
  fix?: string;
}

export const fine = (text: string): Finding => ({ verdict: "fine", text });
export const note = (text: string, fix?: string): Finding => ({
  verdict: "note",
  text,
  ...(fix ? { fix } : {}),
});
export const wrong = (text: string, fix: string): Finding => ({ verdict: "wrong", text, fix });

const MARKS = { fine: "✓", note: "·", wrong: "✗" } as const;

/** A finding as lines: its mark and text, and under it how to mend it. */
export function formatFinding({ verdict, text, fix }: Finding): string {
  return `${MARKS[verdict]} ${text}${fix ? `\n    → ${fix}` : ""}`;
}
