/** command:local:Command. */
import { randomBytes } from "node:crypto";
import type { Change } from "../shared/diff.ts";
import type { Context, DiffResult, Resource } from "../shared/resource.ts";
import { checkProps, flag, type Schema, text, textList, textMap } from "../shared/schema.ts";
import {
  hasSecret,
  hasUnknown,
  type Plain,
  type PlainProps,
  type Props,
  reveal,
  revealProps,
  Secret,
  stable,
  UNKNOWN,
  type Value,
} from "../shared/values.ts";
import { type CommandOutput, run } from "./run.ts";

const NOT_COVERED =
  "the stand-in command plugin doesn't cover this property; install the official plugin to use it";

export const schema: Schema = {
  addPreviousOutputInEnv: flag,
  archivePaths: { ...textList, refused: NOT_COVERED },
  assetPaths: { ...textList, refused: NOT_COVERED },
  create: text,
  delete: text,
  dir: text,
  environment: textMap,
  interpreter: textList,
  logging: { type: "string", pattern: /^(stdout|stderr|stdoutAndStderr|none)$/ },
  stdin: text,
  triggers: { type: "list", items: { type: "any" }, replace: true },
  update: text,
};

function plain(value: Value | undefined): Plain | undefined {
  return value === undefined ? undefined : reveal(value);
}

/** A changed input runs the command again; changed triggers need a new resource. */
export function diff(oldInputs: Props, news: Props): DiffResult {
  const changes: Change[] = [];
  for (const [property, { replace = false }] of Object.entries(schema)) {
    const before = oldInputs[property];
    const after = news[property];
    if (before === undefined && after === undefined) continue;
    const kind = before === undefined ? "add" : after === undefined ? "delete" : "update";
    const unchanged = !hasUnknown(after) && stable(plain(before)) === stable(plain(after));
    if (!unchanged) changes.push({ property, kind, replace });
  }
  // As in the official plugin, the replacement is created before the old one is deleted.
  return { changes, deleteBeforeReplace: false };
}

function previousOf(state: Props): CommandOutput {
  const { stdout, stderr } = revealProps(state);
  return {
    stdout: typeof stdout === "string" ? stdout : "",
    stderr: typeof stderr === "string" ? stderr : "",
  };
}

/** The state after a run: the output is secret if any input is. */
function stateOf(inputs: Props, output: CommandOutput): Props {
  const mark = (value: string): Secret | string => (hasSecret(inputs) ? new Secret(value) : value);
  return { ...inputs, stdout: mark(output.stdout), stderr: mark(output.stderr) };
}

async function runIfAny(
  command: keyof typeof schema,
  inputs: PlainProps,
  previous: CommandOutput,
  context: Context,
) {
  const line = inputs[command];
  return typeof line === "string" ? run(line, inputs, previous, context) : previous;
}

const NOTHING: CommandOutput = { stdout: "", stderr: "" };

export const command: Resource = {
  check: ({ news }) => ({ inputs: news, failures: checkProps(schema, news) }),
  diff: ({ oldInputs, news, ignore }) => {
    const { changes, deleteBeforeReplace } = diff(oldInputs, news);
    return { changes: changes.filter(({ property }) => !ignore.includes(property)), deleteBeforeReplace };
  },
  previewCreate: (inputs) => ({ ...inputs, stdout: UNKNOWN, stderr: UNKNOWN }),
  create: async (inputs, context) => {
    const output = await runIfAny("create", revealProps(inputs), NOTHING, context);
    return { id: `${context.name}${randomBytes(4).toString("hex")}`, state: stateOf(inputs, output) };
  },
  read: async (id, inputs, state) => ({ id, inputs, state }),
  previewUpdate: ({ news }) => ({ ...news, stdout: UNKNOWN, stderr: UNKNOWN }),
  update: async ({ state, news }, context) => {
    const which = news.update === undefined ? "create" : "update";
    return stateOf(news, await runIfAny(which, revealProps(news), previousOf(state), context));
  },
  delete: async (_id, state, context) => {
    await runIfAny("delete", revealProps(state), previousOf(state), context);
  },
};
