/** The supported part of cloudflared's command line. Flags follow their command, as in the real one. */
import { parseArgs } from "node:util";

type Kind = "string" | "boolean" | "list";

/** Flags of a command: each one's kind, and its environment variable. */
export type Flags = Readonly<Record<string, { kind: Kind; variable?: string }>>;

export interface Parsed {
  readonly values: Readonly<Record<string, string | boolean | string[] | undefined>>;
  /** The rest from the first non-flag argument on. */
  readonly rest: readonly string[];
}

/** A command line that cloudflared rejects. */
export class UsageError extends Error {}

/** Parses a command's own flags, up to the next command or argument. */
export function readFlags(
  args: readonly string[],
  flags: Flags,
  env: NodeJS.ProcessEnv = process.env,
): Parsed {
  const options = Object.fromEntries(
    Object.entries(flags).map(([name, { kind }]) => [
      name,
      { type: kind === "boolean" ? ("boolean" as const) : ("string" as const), multiple: kind === "list" },
    ]),
  );
  // Go's flags also work with one dash.
  const given = args.map((arg) => arg.replace(/^-(?=[a-z]{2})/, "--"));
  const { tokens } = parseArgs({ args: given, options, strict: false, tokens: true });
  const first = tokens.find((token) => token.kind !== "option")?.index ?? args.length;
  const values: Record<string, string | boolean | string[] | undefined> = {};
  for (const [name, { kind, variable }] of Object.entries(flags)) {
    const value = variable === undefined ? undefined : env[variable];
    if (value) values[name] = kind === "boolean" ? value !== "false" : kind === "list" ? [value] : value;
  }
  for (const token of tokens) {
    if (token.kind !== "option" || token.index >= first) continue;
    const flag = flags[token.name];
    if (!flag) throw new UsageError(`flag provided but not defined: -${token.name}`);
    if (flag.kind === "boolean") values[token.name] = token.value !== "false";
    else if (token.value === undefined) throw new UsageError(`flag needs an argument: -${token.name}`);
    else if (flag.kind === "list")
      values[token.name] = [...((values[token.name] as string[] | undefined) ?? []), token.value];
    else values[token.name] = token.value;
  }
  const rest = args.slice(first);
  return { values, rest: rest[0] === "--" ? rest.slice(1) : rest };
}
