/**
 * The single values of projects.yaml: names, sizes, variables, repositories, and what is said about a wrong one. What they are parts of is in
 * file-schema.ts.
 */
import * as z from "zod";
import { closest, show } from "../text/show.ts";
import { guessSize, parseSize, SIZE_PATTERN, type Size, sizeOf } from "../text/sizes.ts";
import { OPENCODE } from "../versions.ts";
import { parseDestination } from "./destinations.ts";
import { parseRepo } from "./repo.ts";
import { reservedProjectReason, reservedVariableReason } from "./reserved.ts";
import { trustedRepoMistake } from "./trust.ts";

export const PROJECT_NAME_PATTERN = /^[a-z]([a-z0-9-]{0,30}[a-z0-9])?$/;
export const GROUP_NAME_PATTERN = /^[a-z]([a-z0-9-]{0,30}[a-z0-9])?$/;
export const VARIABLE_PATTERN = /^[A-Za-z_][A-Za-z0-9_]*$/;
export const KNOWN_HOST_PATTERN =
  /^(@cert-authority )?[^\s#@]\S* (ssh-(ed25519|rsa)|ecdsa-sha2-nistp(256|384|521)|sk-\S+@openssh\.com) [A-Za-z0-9+/]+=*( .*)?$/;

/** An idle opencode takes about 230 MiB; with less than this it is killed at the first prompt. */
export const MINIMUM_MEMORY = sizeOf("512MiB");

/** A message about the value found; nothing for an absent one, which has a message of its own. */
export const about = (say: (found: string, input: unknown) => string) => (issue: { input?: unknown }) =>
  issue.input === undefined || issue.input === null ? undefined : say(show(issue.input), issue.input);

const nameError = about((found, input) => {
  const guess = String(typeof input === "object" ? "" : input)
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^[^a-z]+|-+$/g, "")
    .slice(0, 32)
    .replace(/-+$/, "");
  const rule =
    "1 to 32 lower-case letters, digits and hyphens, starting with a letter and not ending with a hyphen";
  return `${found} is not a valid project name: ${rule}${guess ? ` (e.g. ${guess})` : ""}`;
});

const sizeError = about((found, input) => {
  const guess = typeof input === "string" ? guessSize(input) : undefined;
  return `${found} is not a size (${guess ? `did you mean ${guess}?` : "e.g. 512MiB, 4GiB"})`;
});

const variableError = about(
  (found) =>
    `${found} is not a valid variable name: letters, digits and _, not starting with a digit (e.g. LOG_LEVEL)`,
);
const repoError = about((found) => `${found} is not a repository URL`);
export const modelError = about(
  (found) => `${found} is not a model: write provider/model (e.g. anthropic/claude-sonnet-4-5)`,
);
export const versionError = about(
  (found) =>
    `${found} is not a release: write 1 or 2 for the newest of a major, or one in full (e.g. ${OPENCODE})`,
);
export const emailError = about((found) => `${found} is not an e-mail address (e.g. dev@example.com)`);
export const memberError = about((found, input) =>
  typeof input === "string" && input.includes("@")
    ? `${found} is not an e-mail address (e.g. dev@example.com)`
    : `${found} is neither an e-mail address (e.g. dev@example.com) nor the name of a group`,
);
export const groupNameError = about(
  (found) =>
    `${found} is not a valid group name: 1 to 32 lower-case letters, digits and hyphens, starting with a letter and not ending with a hyphen`,
);
export const knownHostError = about(
  (found) =>
    `${found} is not a known_hosts line: use the output of ssh-keyscan (e.g. host ssh-ed25519 AAAA…)`,
);

/** A name of which some are reserved. */
const nameOf = (
  pattern: RegExp,
  error: ReturnType<typeof about>,
  reasonOf: (name: string) => string | undefined,
) =>
  z
    .string({ error })
    .regex(pattern, { error, abort: true })
    .superRefine((name, context) => {
      const reason = reasonOf(name);
      if (reason) context.addIssue({ code: "custom", message: `${show(name)} is reserved: ${reason}` });
    });

export const projectName = nameOf(PROJECT_NAME_PATTERN, nameError, reservedProjectReason);
export const variableName = nameOf(VARIABLE_PATTERN, variableError, reservedVariableReason);

/** An amount of memory as it is written. The one place where a size of the file is parsed. */
export const memorySize = z
  .string({ error: sizeError })
  .regex(SIZE_PATTERN, { error: sizeError, abort: true })
  .meta({ examples: ["2GiB", "512MiB"] })
  .transform((text, context): Size => {
    const size = parseSize(text);
    if (size) return size;
    context.addIssue({ code: "custom", message: `${show(text)} is not a size` });
    return z.NEVER;
  });

export const memory = memorySize.refine(({ bytes }) => bytes >= MINIMUM_MEMORY.bytes, {
  error: ({ input }) =>
    `${show((input as Size).text)} is too little: opencode needs ${MINIMUM_MEMORY.text} or more`,
});

export const variableValue = z.union([z.string(), z.number(), z.boolean()], {
  error: ({ input }) =>
    input === null
      ? 'has no value: for an empty one write ""'
      : `${show(input)} is not the value of a variable: write text, a number, true or false`,
});

/** Bytes of an entry's `setup`: it is in the state, and an argument of a shell. What is longer belongs into a script of the repository. */
const MAX_SETUP_BYTES = 8 * 1024;

/** Lines of shell, as an entry's `setup` has them. */
export const shellLines = z
  .string({ error: about((found) => `${found} is not a command: write text, such as npm ci`) })
  .refine((text) => text.trim() !== "", { error: "is empty: write a command, or remove it" })
  .refine((text) => Buffer.byteLength(text) <= MAX_SETUP_BYTES, {
    error: `is longer than ${MAX_SETUP_BYTES / 1024} KiB: put it into a script of the repository, and call that`,
  });

export const repo = z.string({ error: repoError }).superRefine((text, context) => {
  const source = parseRepo(text);
  if ("mistake" in source)
    context.addIssue({ code: "custom", message: source.mistake, params: { fix: source.fix } });
});

export const trustedRepo = z.string({ error: repoError }).superRefine((text, context) => {
  const mistake = trustedRepoMistake(text);
  if (mistake) context.addIssue({ code: "custom", message: mistake });
});

const destinationError = about(
  (found) =>
    `${found} is not a destination: write internet, host:<port>, or a network with or without a port`,
);

/** An item of `network.allow`, as it is written. */
export const destination = z.string({ error: destinationError }).superRefine((text, context) => {
  const read = parseDestination(text);
  if ("mistake" in read)
    context.addIssue({ code: "custom", message: read.mistake, params: { fix: read.fix } });
});

/** As git writes it into a commit: nothing that ends the name there, and something that is left once git has taken punctuation off its ends. */
const isPersonName = (text: string): boolean =>
  // biome-ignore lint/suspicious/noControlCharactersInRegex: git refuses control characters
  !/[<>\u0000-\u001f\u007f]/.test(text) && /[\p{L}\p{N}]/u.test(text) && text.trim() === text;

/** `git.name`. */
export const personName = z
  .string()
  .max(100, { error: about((found) => `${found} is too long: 100 characters at most`) })
  .refine(isPersonName, {
    error: about((found) => `${found} is not a name that git can write into a commit (e.g. Shop agent)`),
  });

/** `git.email`. Wider than what a mailbox has: `49699333+bot[bot]@users.noreply.github.com` is one of a forge's. */
export const commitEmail = z
  .string()
  .regex(/^[^\s<>@,;:"\\]+@[^\s<>@,;:"\\]+$/, {
    error: about((found) => `${found} is not an e-mail address (e.g. shop-agent@example.com)`),
  })
  .max(254);

/** A time zone by the name that the system's files have, which are case-sensitive. */
export const timezone = z.string().superRefine((name, context) => {
  const known = Intl.supportedValuesOf("timeZone");
  const spelled = known.find((zone) => zone.toLowerCase() === name.toLowerCase());
  if (spelled === name || (spelled === undefined && isZone(name))) return;
  const guess = spelled ?? closest(name, known);
  const hint = guess ? `; did you mean ${guess}?` : " (e.g. Europe/Berlin)";
  context.addIssue({ code: "custom", message: `${show(name)} is not a time zone${hint}` });
});

/** Whether a name is a zone's that the list leaves out: another name of one, such as Asia/Kolkata, or UTC. */
function isZone(name: string): boolean {
  if (!/^[A-Z][\w+-]*(\/[A-Z][\w+-]*)*$/.test(name)) return false;
  try {
    return Boolean(new Intl.DateTimeFormat("en", { timeZone: name }));
  } catch {
    return false;
  }
}

/** Whether git takes a text as a branch's or tag's name (git help check-ref-format). */
function isBranchName(text: string): boolean {
  return (
    // biome-ignore lint/suspicious/noControlCharactersInRegex: git refuses control characters
    /^[^\s~^:?*[\\\u0000-\u001f\u007f]+$/.test(text) &&
    !/^[-/]|\/$|\.$|\.\.|@\{|\/\/|^@$/.test(text) &&
    text.split("/").every((part) => !part.startsWith(".") && !part.endsWith(".lock"))
  );
}

/** What of a repository is cloned: of the one that fills the workspace, or of each of several. */
export const branch = z
  .string()
  .refine(isBranchName, { error: about((found) => `${found} is not a valid branch name`) })
  .optional()
  .describe("Branch or tag that is cloned. Default: the repository's own.");
export const depth = z
  .int()
  .min(1)
  .max(1_000_000)
  .optional()
  .describe("Number of commits to clone (a shallow clone). Default: all of them.");
