/** What a project's container says of a change of its release of opencode: the image's script `upgrade` writes it to the log. */
import { plainText } from "../../config/text/plain.ts";

const PREFIX = "[upgrade] ";

/** How far a change of release has got. */
export type UpgradeState =
  | { readonly state: "none" }
  | { readonly state: "running"; readonly line: string }
  | { readonly state: "done"; readonly line: string }
  | { readonly state: "failed"; readonly from: string; readonly reason: string };

/** Longest reason that is passed on, in characters. */
const LONGEST_REASON = 500;

/** Whether a text that a container has written can be a release of opencode: a version in full, or a major alone. */
export const isRelease = (text: string): boolean =>
  /^([12]|\d{1,9}(\.\d{1,9}){2}(-[\w.]{1,32})?)$/.test(text);

/** Reads a container's log; its last line about a change counts. */
export function readUpgrade(log: string): UpgradeState {
  const lines = plainText(log)
    .split("\n")
    .flatMap((line) => (line.startsWith(PREFIX) ? [line.slice(PREFIX.length)] : []));
  const line = lines.at(-1)?.trim();
  if (line === undefined) return { state: "none" };
  const [, from, reason] = /^upgrade from (\S+) failed: (.*)$/.exec(line) ?? [];
  if (from !== undefined && isRelease(from))
    return { state: "failed", from, reason: (reason ?? "").slice(0, LONGEST_REASON) };
  return { state: /^(upgraded|went back) from /.test(line) ? "done" : "running", line };
}
