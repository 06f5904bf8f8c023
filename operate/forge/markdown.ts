/**
 * Markdown for both GitHub and GitLab. Foreign text is quoted, so that it can neither break out nor mention
 * anyone.
 */

/** A code span, safe in a table's cell too. */
export function code(text: string): string {
  const line = text.replace(/\s+/g, " ").trim() || " ";
  const ticks = "`".repeat(longestRun(line) + 1);
  const pad = line.startsWith("`") || line.endsWith("`") ? " " : "";
  return `${ticks}${pad}${line.replaceAll("|", "\\|")}${pad}${ticks}`;
}

/** A fenced block that its text can't close. */
export function fenced(text: string): string {
  const fence = "`".repeat(Math.max(3, longestRun(text) + 1));
  return `${fence}text\n${text.replace(/\s+$/, "")}\n${fence}`;
}

/** A collapsed block. */
export const collapsed = (summary: string, body: string): string =>
  `<details><summary>${escapeHtml(summary)}</summary>\n\n${body}\n\n</details>`;

/** Text with all markup escaped. */
export function sentence(text: string): string {
  return escapeHtml(text.replace(/\s+/g, " ").trim())
    .replace(/[\\`*_[\]~|#!]/g, "\\$&")
    .replaceAll("@", "&#64;");
}

/** A table; the cells are Markdown. */
export function markdownTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}

/** Cuts lines out of a text's middle to fit the given bytes, and adds how many were left out. */
export function trimMiddle(text: string, limit: number): string {
  if (Buffer.byteLength(text) <= limit) return text;
  const lines = text.split("\n");
  const room = limit - 80;
  const head: string[] = [];
  const tail: string[] = [];
  let used = 0;
  while (lines.length > 0) {
    // Two lines of the beginning for each line of the end, where the engine sums up.
    const fromHead = head.length <= tail.length * 2;
    const next = (fromHead ? lines[0] : lines.at(-1)) ?? "";
    used += Buffer.byteLength(next) + 1;
    if (used > room) break;
    if (fromHead) head.push(lines.shift() ?? "");
    else tail.unshift(lines.pop() ?? "");
  }
  const left = `… ${lines.length} line${lines.length === 1 ? "" : "s"} left out, see the job's log`;
  return [...head, left, ...tail].join("\n");
}

const escapeHtml = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");

const longestRun = (text: string): number =>
  Math.max(0, ...[...text.matchAll(/`+/g)].map(([run]) => run.length));
