/** Errors of an update as a sentence for people. */
import { lastLines } from "../../toolchain/lib/exec.ts";

const LONGEST = 600;

/** Several messages as one text: each once, on one line. */
export function joinErrors(messages: readonly string[]): string {
  const texts = [...new Set(messages.map(oneLine).filter(Boolean))];
  const text = texts.join("; ") || "The update failed";
  return text.length > LONGEST ? `${text.slice(0, LONGEST - 1)}…` : text;
}

/** The engine's and the providers' frames around what happened are dropped. */
function oneLine(message: string): string {
  return message
    .replace(/^(error: )+/i, "")
    .replace(/^\d+ errors? occurred:\s*\*?\s*/i, "")
    .replace(/\n\s+at .*/g, "")
    .replace(/\s+/g, " ")
    .trim();
}

/** Makes the function that removes values of secrets and paths of temporary files from a text; paths in the checkout become relative to it. */
export function makeRedactor(
  root: string,
  temporary: string,
  secrets: () => Iterable<string>,
): (text: string) => string {
  const temporaryFile = new RegExp(`${escapePattern(temporary.replace(/\/$/, ""))}/[^\\s:'"]+`, "g");
  return (text) => {
    let clean = text;
    for (const value of secrets()) if (value.length >= 4) clean = clean.replaceAll(value, "[secret]");
    return clean.replaceAll(`${root}/`, "").replace(temporaryFile, "a temporary file");
  };
}

const escapePattern = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");

/** The errors that the engine has printed, for where its events have none. */
export function printedErrors({ stdout, stderr }: { stdout: string; stderr: string }): string {
  const errors = `${stderr}\n${stdout}`.match(/^error: .*/gm) ?? [];
  const text = errors.join("\n") || lastLines(stderr.trim() || stdout.trim(), 15);
  return text || "The engine exited without an error message";
}
