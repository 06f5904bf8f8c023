/** Problems of an entry by field. */
import type { z } from "@hono/zod-openapi";
import type { Problem as ConfigProblem } from "../../../config/errors.ts";
import { describeIssue, formatPath } from "../../../config/projects/messages.ts";
import type { Path } from "../../../config/text/yaml.ts";
import type { FieldProblem } from "./schema.ts";

/** Converts zod's issues of a request to field problems, with the messages of projects.yaml's check. */
export function issueProblems(error: z.ZodError, within: Path = []): FieldProblem[] {
  return error.issues.flatMap((issue) => {
    const path = [...within, ...issue.path.filter((step) => typeof step !== "symbol")];
    if (issue.code === "unrecognized_keys") {
      const lines = issue.message.split("\n");
      return issue.keys.map((key, index) => ({
        path: formatPath([...path, key]),
        message: lines[index] ?? "is not a valid key here",
      }));
    }
    const fix = issue.code === "custom" ? issue.params?.fix : undefined;
    const field = { path: formatPath(path), message: issue.message };
    return [typeof fix === "string" ? { ...field, fix } : field];
  });
}

/** Checks a value, with the messages of projects.yaml's check. */
export function checkValue<Schema extends z.ZodType>(
  schema: Schema,
  value: unknown,
  within: Path = [],
): { data: z.output<Schema>; problems?: never } | { data?: never; problems: FieldProblem[] } {
  const result = schema.safeParse(value, { error: (issue) => describeIssue(issue) });
  return result.success ? { data: result.data } : { problems: issueProblems(result.error, within) };
}

/** `projects.yaml:14:5 projects[2].resources.memory` → the entry's index and the key within it. */
const WHERE = /^projects\.yaml(?::\d+:\d+)?(?: projects\[(\d+)\]\.?(.*))?$/s;

/**
 * Converts problems of projects.yaml to those of one entry: its own by field, others with their location.
 * @param entry the entry's name or index; undefined for any entry
 */
export function fieldProblems(problems: readonly ConfigProblem[], entry?: string | number): FieldProblem[] {
  return problems.map(({ where, what, fix }) => {
    const [, index, key = ""] = WHERE.exec(where) ?? [];
    const isOfEntry = index !== undefined && (typeof entry !== "number" || Number(index) === entry);
    const field = isOfEntry ? { path: key, message: what } : { path: "", message: `${where}: ${what}` };
    return fix ? { ...field, fix } : field;
  });
}
