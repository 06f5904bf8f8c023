/** Formats errors of an update for people. */
import { resolveCommand } from "../../config/projects/devcontainer.ts";
import { LOCAL_STACK } from "../../config/stack/commands.ts";
import { plainText } from "../../config/text/plain.ts";
import { lastLines } from "../../toolchain/lib/exec.ts";

const LONGEST = 600;

/** Joins messages into one line, without repetitions. */
export function joinErrors(messages: readonly string[]): string {
  const texts = [...new Set(messages.map(oneLine).filter(Boolean))];
  const text = texts.join("; ") || "The update failed";
  return text.length > LONGEST ? `${text.slice(0, LONGEST - 1)}…` : text;
}

/**
 * Why the build of an image refuses an entry's image or packages, of all that a builder has printed; undefined where it does not. The scripts in
 * opencode/build write it.
 * @param stack whose images are built, for commands. Default: this machine's
 */
export const buildRefusal = (text: string, stack = LOCAL_STACK): string | undefined =>
  /^opencode-platform: (.+)$/m.exec(text)?.[1]?.trim() ?? missingImage(text, stack);

/** A builder looks in a registry for what `npm run devcontainer` builds on the host, and does not find it. */
function missingImage(text: string, stack: string): string | undefined {
  const [, project] =
    /-platform\/devcontainer\/([a-z0-9-]+)\b.*(?:denied|does not exist|not found|no such)/i.exec(text) ?? [];
  return (
    project &&
    `${project}: its devcontainer's image is not on the host: ${resolveCommand(project, stack)} --locked`
  );
}

/** Drops the engine's and the providers' text around the cause. */
function oneLine(message: string): string {
  return message
    .replace(/^(error: )+/i, "")
    .replace(/^\d+ errors? occurred:\s*\*?\s*/i, "")
    .replace(/\n\s+at .*/g, "")
    .replace(/\s+/g, " ")
    .trim();
}

/**
 * Makes a function that redacts secret values and paths of temporary files; paths in the checkout become
 * relative.
 */
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

/** Errors in the engine's output, for when its events have none. */
export function printedErrors({ stdout, stderr }: { stdout: string; stderr: string }): string {
  const [errors, output] = [plainText(stderr).trim(), plainText(stdout).trim()];
  const found = `${errors}\n${output}`.match(/^error: .*/gm) ?? [];
  const text = found.join("\n") || lastLines(errors || output, 15);
  return text || "The engine exited without an error message";
}
