/** Shared by the scripts that ask a stack's storage program: backups, checkpoints and forks. */
import { parseArgs } from "node:util";
import { checkConfiguration } from "../../config/check.ts";
import { fail } from "../../config/errors.ts";
import { makeNames } from "../../config/naming/names.ts";
import type { Project } from "../../config/projects/project.ts";
import type { Settings } from "../../config/stack/settings.ts";
import { dockerOfStack } from "../../operate/docker/of-stack.ts";
import { root } from "../../operate/engine/checkout.ts";
import { type Session, scriptOn, sessionFor, stackFlag } from "../../operate/engine/session.ts";
import {
  answered,
  makeStorage,
  type OnProgress,
  type Storage,
  type StorageAnswer,
} from "../../operate/storage/client.ts";
import { progressText } from "../../operate/storage/words.ts";
import { isWatched } from "./main.ts";

/** What a script takes. */
export interface Usage {
  readonly script: string;
  /** `<name> [<label>]`; what is in brackets may be left out. */
  readonly words: string;
  /** What it does, in a few lines. */
  readonly about: string;
  /** Its own flags, each with what it means: those that end in `=` take a value. */
  readonly flags?: Readonly<Record<string, string>>;
  /** Whether the words may all be left out if that flag is given. */
  readonly orFlag?: string;
}

export interface Line {
  readonly words: readonly string[];
  /** Values of flags, by name without dashes; "" for one without a value. */
  readonly flags: ReadonlyMap<string, string>;
  readonly stack?: string;
}

const COMMON = {
  "stack=": "the stack. Default: the one of this machine",
  yes: "asks nothing",
  help: "shows this",
};

/** What `--help` shows. */
export function helpOf({ script, words, about, flags = {} }: Usage): string {
  const rows = Object.entries({ ...flags, ...COMMON }).map(([flag, means]) => [
    `--${flag.replace("=", " <value>")}`,
    means,
  ]);
  const width = Math.max(...rows.map(([flag = ""]) => flag.length));
  const lines = rows.map(([flag = "", means]) => `  ${flag.padEnd(width)}  ${means}`);
  return [`npm run ${script} -- ${words}`, "", about, "", ...lines].join("\n");
}

/** Parses a command line; undefined for `--help`. @throws UserError for anything unknown */
export function readLine(usage: Usage, args: readonly string[]): Line | undefined {
  const { script, words, flags = {}, orFlag } = usage;
  const wrong = (what: string): never =>
    fail("config", `npm run ${script}`, what, `npm run ${script} -- --help`);
  const options = Object.fromEntries(
    Object.keys({ ...flags, ...COMMON }).map((flag) => [
      flag.replace("=", ""),
      { type: flag.endsWith("=") ? ("string" as const) : ("boolean" as const) },
    ]),
  );
  const short = { s: options.stack, y: options.yes, h: options.help };
  for (const [letter, option] of Object.entries(short)) if (option) Object.assign(option, { short: letter });
  const { values, positionals } = parse(args, options, wrong);
  if (values.help) return undefined;
  const given = new Map(
    Object.entries(values).map(([name, value]) => [name, value === true ? "" : String(value)]),
  );
  const most = words.split(/\s+/).filter(Boolean).length;
  const least =
    orFlag && given.has(orFlag) ? 0 : words.split(/\s+/).filter((word) => word.startsWith("<")).length;
  if (positionals.length < least) wrong(`needs ${words}`);
  if (positionals.length > most) wrong(`does not know "${positionals.slice(most).join(" ")}"`);
  const { stack } = values;
  return { words: positionals, flags: given, ...(typeof stack === "string" ? { stack } : {}) };
}

function parse(
  args: readonly string[],
  options: NonNullable<Parameters<typeof parseArgs>[0]>["options"] & object,
  wrong: (what: string) => never,
) {
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true, strict: true });
  } catch (error) {
    return wrong((error as Error).message.split(". ")[0] ?? "");
  }
}

/** A stack's storage program, and what a command line says. */
export interface StorageCommand extends Line {
  readonly storage: Storage;
  readonly session: Session;
  readonly settings: Settings;
  readonly projects: readonly Project[];
  readonly isSure: boolean;
  /** ` --stack prod`, for commands that are shown; empty for this machine's stack. */
  readonly stackFlag: string;
  /** The answer's value. @throws UserError with its reason */
  valueOf<Value>(answer: StorageAnswer<Value>, where: string): Value;
}

/** Reads a command line and reaches the stack's host; undefined if it has shown its help. @throws UserError */
export async function openStorage(
  usage: Usage,
  args: readonly string[],
): Promise<StorageCommand | undefined> {
  const line = readLine(usage, args);
  if (!line) {
    console.log(helpOf(usage));
    return undefined;
  }
  const session = sessionFor({
    words: ["up"],
    flags: new Set(),
    ...(line.stack === undefined ? {} : { stack: line.stack }),
  });
  const { projects, settings } = checkConfiguration(root, session.stack);
  const run = await dockerOfStack(session, settings);
  if (!run) fail("conflict", session.stack, "has no host yet");
  const flag = stackFlag(session);
  const fix = scriptOn("doctor", flag);
  return {
    ...line,
    session,
    settings,
    projects,
    storage: makeStorage(run, makeNames(settings.namePrefix).storage),
    isSure: line.flags.has("yes"),
    stackFlag: flag,
    valueOf: (answer, where) => answered(answer, where, fix),
  };
}

/** @throws UserError unless it is a project of the file */
export function assertProject(
  { projects, stackFlag: flag }: Pick<StorageCommand, "projects" | "stackFlag">,
  name: string,
): void {
  if (!projects.some((project) => project.name === name))
    fail("config", name, "is not in projects.yaml", `${scriptOn("check", flag)} lists all names`);
}

/** Prints each step once; on a terminal the last one is redrawn. */
export function progressPrinter(
  print: (text: string) => void = console.log,
  isLive = isWatched(),
): OnProgress {
  let printed = "";
  return (progress) => {
    const text = isLive ? progressText(progress) : progress.step;
    if (text === printed) return;
    printed = text;
    if (isLive) process.stderr.write(`\r\x1b[K${text}`);
    else print(text);
  };
}

/** Ends the line of a redrawn step. */
export const endProgress = (isLive = isWatched()): void => void (isLive && process.stderr.write("\r\x1b[K"));
