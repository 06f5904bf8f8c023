/** Parses as much of a Pulumi command line as the scripts need. */
export interface CommandLine {
  /** Arguments that are neither flags nor their values: `["stack", "init", "prod"]`. */
  readonly words: readonly string[];
  /** The value of `--stack`/`-s`. */
  readonly stack?: string;
  /** Flags as written, without their values: `--yes`, `-y`. */
  readonly flags: ReadonlySet<string>;
}

/** Flags whose value is the next argument. Flags that only accept `=` are not among them. */
const VALUE_FLAGS = new Set(
  [
    "color cwd config config-file copy-config-from event-log exclude exec-agent exec-kind file import-file",
    "memprofilerate message otel-traces page page-size parallel plan policy-pack policy-pack-config",
    "profiling replace save-plan secrets-provider stack target target-replace tracing",
    "verbose version",
  ]
    .join(" ")
    .split(" ")
    .map((name) => `--${name}`),
);
const SHORT_VALUE_FLAGS = new Set(["C", "c", "m", "p", "s", "t", "v"]);

/** Parses a command line like Pulumi: `--stack a`, `--stack=a`, `-s a`, `-sa`, `-s=a`, `-ys a`. */
export function parseCommandLine(args: readonly string[]): CommandLine {
  const words: string[] = [];
  const flags = new Set<string>();
  let stack: string | undefined;
  const take = (flag: string, value: string | undefined) => {
    flags.add(flag);
    if ((flag === "--stack" || flag === "-s") && value !== undefined) stack = value;
  };
  for (let at = 0; at < args.length; at++) {
    const argument = args[at] ?? "";
    if (argument === "--") {
      words.push(...args.slice(at + 1));
      break;
    }
    if (!argument.startsWith("-") || argument === "-") words.push(argument);
    else if (argument.startsWith("--")) {
      const [flag = "", value] = splitOnce(argument);
      take(flag, value ?? (VALUE_FLAGS.has(flag) ? args[++at] : undefined));
    } else {
      const { letters, value } = readLetters(argument.slice(1));
      const last = letters.at(-1) ?? "";
      const needsValue = SHORT_VALUE_FLAGS.has(last) && value === undefined;
      for (const letter of letters.slice(0, -1)) take(`-${letter}`, undefined);
      take(`-${last}`, needsValue ? args[++at] : value);
    }
  }
  return { words, flags, ...(stack === undefined ? {} : { stack }) };
}

/** Combined one-letter flags; the first that takes a value takes the rest. */
function readLetters(text: string): { letters: string[]; value?: string } {
  for (let at = 0; at < text.length; at++) {
    const rest = text.slice(at + 1);
    const takesValue = SHORT_VALUE_FLAGS.has(text[at] ?? "");
    if (rest.startsWith("=")) return { letters: [...text.slice(0, at + 1)], value: rest.slice(1) };
    if (takesValue) return { letters: [...text.slice(0, at + 1)], ...(rest ? { value: rest } : {}) };
  }
  return { letters: [...text] };
}

function splitOnce(argument: string): [flag: string, value?: string] {
  const at = argument.indexOf("=");
  return at < 0 ? [argument] : [argument.slice(0, at), argument.slice(at + 1)];
}

/** What a command does to a stack, whatever alias is used; `undefined` for every other command. */
export type Verb = "up" | "preview" | "refresh" | "destroy";

const VERBS: Readonly<Record<string, Verb>> = {
  up: "up",
  update: "up",
  preview: "preview",
  pre: "preview",
  refresh: "refresh",
  destroy: "destroy",
  down: "destroy",
  dn: "destroy",
};

/**
 * The verb of a command line. `up --preview-only` and the like change nothing, so they count as a preview.
 */
export function verbOf({ words, flags }: CommandLine): Verb | undefined {
  const [command = ""] = words;
  const verb = Object.hasOwn(VERBS, command) ? VERBS[command] : undefined;
  if (!verb || flags.has("--help") || flags.has("-h")) return undefined;
  return flags.has("--preview-only") ? "preview" : verb;
}

/** Commands without a stack. */
const WITHOUT_STACK = new Set([
  "about",
  "ai",
  "completion",
  "convert",
  "env",
  "gen-completion",
  "help",
  "install",
  "login",
  "logout",
  "new",
  "org",
  "package",
  "plugin",
  "policy",
  "schema",
  "version",
  "view-trace",
  "whoami",
]);
/** Subcommands of `stack` followed by the stack's name. */
const NAMES_STACK = new Set(["init", "select", "rm"]);
/** Those that can name a stack other than the selected one. */
const MAY_BE_NEW = new Set(["init", "select"]);

/** The stack that a command line names, after `stack init` or by a flag. */
export function namedStack({ words, stack }: CommandLine): string | undefined {
  const [command, subcommand = "", name] = words;
  return (command === "stack" && NAMES_STACK.has(subcommand) ? name : undefined) ?? stack;
}

/** Whether a command needs an existing stack. */
export function needsStack({ words, flags }: CommandLine): boolean {
  const [command, subcommand = ""] = words;
  if (!command || WITHOUT_STACK.has(command) || flags.has("--help") || flags.has("-h")) return false;
  return !(command === "stack" && (MAY_BE_NEW.has(subcommand) || subcommand === "ls"));
}
