/** The result of one check: fine, worth knowing, or to be fixed. */
export interface Finding {
  verdict: "ok" | "note" | "failed";
  /** Such as `docker: 28.2.2 answers`. */
  text: string;
  /** The command or place that fixes it. */
  fix?: string;
  /** Last lines of what a program has printed, where they are the reason. Plain text. */
  output?: readonly string[];
}

/** Commands for the fixes of findings. */
export interface FixCommands {
  /** The update that applies the files. */
  apply: string;
  /** Returns a Pulumi command line for this stack. */
  pulumi(args: string): string;
  /** Returns a command line of the Docker client for the stack's host. */
  docker(args: string): string;
  /** Returns the command that runs a project's setup again. */
  setup(project: string): string;
}

export const ok = (text: string): Finding => ({ verdict: "ok", text });
export const note = (text: string, fix?: string): Finding => ({
  verdict: "note",
  text,
  ...(fix ? { fix } : {}),
});
export const failed = (text: string, fix: string): Finding => ({ verdict: "failed", text, fix });

const MARKS = { ok: "✓", note: "·", failed: "✗" } as const;

/** Formats a finding: mark and text, then the output and the fix on lines of their own. */
export function formatFinding({ verdict, text, fix, output = [] }: Finding): string {
  const lines = [...output.map((line) => `    │ ${line}`), ...(fix ? [`    → ${fix}`] : [])];
  return [`${MARKS[verdict]} ${text}`, ...lines].join("\n");
}
