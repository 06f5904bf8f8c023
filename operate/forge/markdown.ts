/** Markdown as GitHub and GitLab both read it. What comes from elsewhere is quoted, so that it can neither break out nor call anybody. */

/** Text in a code span, fit for a table's cell too. */
export function code(text: string): string {
  const line = text.replace(/\s+/g, " ").trim() || " ";
  const ticks = "`".repeat(longestRun(line) + 1);
  const pad = line.startsWith("`") || line.endsWith("`") ? " " : "";
  return `${ticks}${pad}${line.replaceAll("|", "\\|")}${pad}${ticks}`;
}

/** Text in a fenced block that no line of it can close. */
export function fenced(text: string): string {
  const fence = "`".repeat(Math.max(3, longestRun(text) + 1));
  return `${fence}text\n${text.replace(/\s+$/, "")}\n${fence}`;
}

/** A block that is shown when it is asked for. */
export const collapsed = (summary: string, body: string): string =>
  `<details><summary>${escapeHtml(summary)}</summary>\n\n${body}\n\n</details>`;

/** A sentence in which nothing is markup. */
export function sentence(text: string): string {
  return escapeHtml(text.replace(/\s+/g, " ").trim())
    .replace(/[\\`*_[\]~|#!]/g, "\\$&")
    .replaceAll("@", "&#64;");
}

/** A table; the cells are Markdown already. */
export function markdownTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}

/** Cuts a text in its middle, between lines, so that it has at most so many bytes; says how many lines are left out. */
export function trimMiddle(text: string, limit: number): string {
  if (Buffer.byteLength(text) <= limit) return text;
  const lines = text.split("\n");
  const room = limit - 80;
  const head: string[] = [];
  const tail: string[] = [];
  let used = 0;
  while (lines.length > 0) {
    // Two lines of the beginning for one of the end, where the engine sums up.
    const fromHead = head.length <= tail.length * 2;
    const next = (fromHead ? lines[0] : lines.at(-1)) ?? "";
    used += Buffer.byteLength(next) + 1;
    if (used > room) break;
    if (fromHead) head.push(lines.shift() ?? "");
    else tail.unshift(lines.pop() ?? "");
  }
  const left = `… ${lines.length} line${lines.length === 1 ? "" : "s"} left out: the job's log has the whole text`;
  return [...head, left, ...tail].join("\n");
}

const escapeHtml = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");

const longestRun = (text: string): number =>
  Math.max(0, ...[...text.matchAll(/`+/g)].map(([run]) => run.length));
