/**
 * zod's issues with a value, with those of unions reduced to what a person has to know: of several ways to write a value, the one that
 * was meant.
 */
import type * as z from "zod";
import type { Path } from "../text/yaml.ts";
import { describeChoice, nameOfType } from "./messages.ts";

type Issue = z.core.$ZodIssue;

/** An issue that is none of a union's. */
export interface PlainIssue {
  readonly path: Path;
  readonly message: string;
  /** It is about the key, and not about its value. */
  readonly atKey: boolean;
}

/** opencode fills these in when it reads its settings, so what they will be is not known. */
const PLACEHOLDER = /\{(env|file):[^}]+\}/;

/** The issues with a value, each with the path of what it is about. An unknown key is an issue of its own. */
export function plainIssues(issues: readonly Issue[], value: unknown, within: Path = []): PlainIssue[] {
  return issues.flatMap((issue) => {
    const steps = pathOf(issue);
    const path = [...within, ...steps];
    const found = valueAt(value, steps);
    if (issue.code === "unrecognized_keys")
      return issue.keys.map((key, index) => ({
        path: [...path, key],
        message: issue.message.split("\n")[index] ?? "is not a valid key here",
        atKey: true,
      }));
    if (issue.code === "invalid_union") return ofUnion(issue.errors, found, path);
    if (isAboutText(issue) && isPlaceholder(found)) return [];
    return [{ path, message: issue.message, atKey: issue.code === "invalid_key" }];
  });
}

function ofUnion(errors: readonly (readonly Issue[])[], value: unknown, path: Path): PlainIssue[] {
  const branches = flattened(errors);
  const fitting = branches.filter((branch) => !branch.some(isOfKind));
  if (fitting.length > 0) return plainIssues(meantBy(fitting, value), value, path);
  const kinds = branches.flatMap((branch) => branch.filter(isOfKind));
  if (isPlaceholder(value) && kinds.some(isAboutText)) return [];
  return [{ path, message: describeChoice(value, choicesOf(kinds, value)), atKey: false }];
}

/** Branches that are unions themselves, as their own branches. */
const flattened = (branches: readonly (readonly Issue[])[]): (readonly Issue[])[] =>
  branches.flatMap((branch) => {
    const [only] = branch;
    const isUnion = branch.length === 1 && only?.code === "invalid_union" && only.path.length === 0;
    return isUnion ? flattened(only.errors) : [branch];
  });

/** Whether an issue says that the value is of another kind, and not that something in it is wrong. */
const isOfKind = (issue: Issue): boolean =>
  issue.path.length === 0 && ["invalid_type", "invalid_value", "invalid_format"].includes(issue.code);

/**
 * Of the branches that take a value of this kind, the issues of the one that was meant: with the fixed value that is written (`type: local`),
 * else with the fewest issues.
 */
function meantBy(branches: readonly (readonly Issue[])[], value: unknown): Issue[] {
  const key = branches.flat().find((issue) => isFixedValue(issue) && hasValue(value, issue))?.path[0];
  const knowing = branches.filter((branch) => !branch.some((issue) => isUnknownKey(issue, key)));
  const matching = knowing.filter(
    (branch) => !branch.some((issue) => isFixedValue(issue) && issue.path[0] === key),
  );
  const candidates = key !== undefined && matching.length > 0 ? matching : knowing;
  const [meant = []] = candidates.toSorted((a, b) => weight(a) - weight(b));
  return meant.map((issue) => {
    if (!isFixedValue(issue)) return issue;
    const values = branches
      .flat()
      .flatMap((other) => (isFixedValue(other) && other.path[0] === issue.path[0] ? other.values : []));
    return { ...issue, message: describeChoice(valueAt(value, pathOf(issue)), [...new Set(values)]) };
  });
}

type FixedValue = Extract<Issue, { code: "invalid_value" }>;

const isFixedValue = (issue: Issue): issue is FixedValue =>
  issue.code === "invalid_value" && issue.path.length === 1;

const hasValue = (value: unknown, issue: Issue): boolean => valueAt(value, pathOf(issue)) !== undefined;

const isUnknownKey = (issue: Issue, key: PropertyKey | undefined): boolean =>
  issue.code === "unrecognized_keys" && issue.path.length === 0 && issue.keys.includes(String(key));

/** How many keys are wrong. A misspelt one speaks for the branch that knows it. */
const weight = (branch: readonly Issue[]): number =>
  branch.reduce((sum, issue) => {
    if (issue.code !== "unrecognized_keys") return sum + 1;
    const misspelt = issue.message.split("\n").filter((line) => line.includes("did you mean")).length;
    return sum + issue.keys.length - misspelt / 2;
  }, 0);

/** What a value could be; of a word among words, the words alone. */
function choicesOf(kinds: readonly Issue[], value: unknown): readonly string[] {
  const single = kinds.flatMap((issue): readonly unknown[] => {
    if (issue.code === "invalid_value") return issue.values;
    if (issue.code === "invalid_type" && issue.expected === "boolean") return [true, false];
    return [];
  });
  const others = kinds.flatMap((issue) =>
    issue.code === "invalid_type" && issue.expected !== "boolean" ? [nameOfType(issue.expected)] : [],
  );
  const isMisspelt = typeof value === "string" && single.some((each) => typeof each === "string");
  return [...new Set([...single.map(String), ...(isMisspelt ? [] : others)])];
}

const isAboutText = ({ code }: Issue): boolean => code === "invalid_value" || code === "invalid_format";

const isPlaceholder = (value: unknown): boolean => typeof value === "string" && PLACEHOLDER.test(value);

const pathOf = ({ path }: Issue): Path => path.filter((step) => typeof step !== "symbol");

const valueAt = (value: unknown, path: Path): unknown =>
  path.reduce<unknown>(
    (found, step) =>
      typeof found === "object" && found !== null && Object.hasOwn(found, step)
        ? (found as Readonly<Record<string | number, unknown>>)[step]
        : undefined,
    value,
  );
