/** What backups leave out: patterns, of a stack and of an entry. */
import { show } from "../text/show.ts";

const PARTS = ["/workspace/", "/home/", "/services/"];
const LONGEST = 200;

/**
 * What is wrong with a pattern; undefined where nothing is. A name (`dist`, `*.iso`) is left out anywhere, a path (`assets/raw`) wherever it ends so, and one that begins with a
 * slash at that one place: `/workspace/data`.
 */
export function checkPattern(pattern: unknown): string | undefined {
  if (typeof pattern !== "string" || pattern.trim() === "")
    return `${show(pattern)} is not a pattern: write dist, *.iso or /workspace/data`;
  if (pattern.length > LONGEST) return `is longer than ${LONGEST} characters`;
  if (/[\n\r\0]/.test(pattern)) return `${show(pattern)} has a line break in it`;
  if (/^[!$~]|\$\{?\w/.test(pattern))
    return `${show(pattern)} is not a pattern: nothing is expanded or negated in it`;
  if (/(^|\/)\.\.?(\/|$)/.test(pattern)) return `${show(pattern)} has . or .. in it: write the path without`;
  if (
    pattern.startsWith("/") &&
    !PARTS.some((part) => pattern.startsWith(part) && pattern.length > part.length)
  )
    return `${show(pattern)} does not begin in a project: write /workspace/…, /home/… or /services/…`;
  // Where a project's container has its home; in a backup it is a part beside the workspace.
  const inHome = /^\/home\/opencode(\/.+)$/.exec(pattern)?.[1];
  if (inHome || pattern === "/home/opencode" || pattern === "/home/opencode/")
    return `${show(pattern)} leaves out nothing: the home is /home in a backup, so write ${show(`/home${inHome ?? "/…"}`)}`;
  if (/^[*/]+$/.test(pattern)) return `${show(pattern)} leaves out everything: write backup: never`;
  return undefined;
}
