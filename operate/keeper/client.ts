/** The one client of the keeper: asks it by `docker exec`, over the Docker client of a stack's host or the panel's socket. */
import * as z from "zod";
import { parseJson } from "../../config/text/json.ts";
import { plainText } from "../../config/text/plain.ts";
import type { RunDocker } from "../docker/containers.ts";

/** The program in the keeper's container that passes a question on to it. */
export const ASK = "/usr/local/lib/opencode-platform/keeper/ask";

/**
 * What the keeper says of a project. `waiting`: started with Docker, waits for its turn. `parked`: stopped while its files are replaced, and started again
 * then; whoever asks for it waits.
 */
export const SLEEP_STATES = [
  "awake",
  "falling-asleep",
  "asleep",
  "waking",
  "waiting",
  "parked",
  "stopped",
] as const;
export type SleepState = (typeof SLEEP_STATES)[number];

/** A project, as the keeper sees it. */
export interface Kept {
  readonly project: string;
  readonly state: SleepState;
  /** Since when. ISO 8601. */
  readonly since: string;
  readonly reason?: string;
  /** Whether it is paused for moments while its files are copied, with its services. Default: no. */
  readonly held?: boolean;
}

/** Whether the keeper has paused a project, or is about to, or has just continued it. */
export const isSleeping = ({ state }: Kept): boolean => PAUSED.includes(state);
const PAUSED: readonly string[] = ["asleep", "falling-asleep", "waking"] satisfies SleepState[];

/** Something that the keeper did or saw. */
export interface KeeperEvent {
  /** ISO 8601. */
  readonly at: string;
  /** `asleep`, `woken`, `healed` … */
  readonly what: string;
  /** Why, or with what result. */
  readonly text?: string;
  /** What was found before it healed the project: last lines of the log, memory, open files. */
  readonly diagnosis?: readonly string[];
}

/**
 * What came of a question. `refused`: the keeper says in a sentence why not. `missing`: no keeper runs, as on a stack that an earlier release has made.
 * `silent`: it runs, and did not answer in time, or nothing that can be read.
 */
export type KeeperAnswer<Value> =
  | { readonly kind: "answered"; readonly value: Value }
  | { readonly kind: "refused" | "missing" | "silent"; readonly reason: string };

/** None of these throws. */
export interface Keeper {
  projects(): Promise<KeeperAnswer<readonly Kept[]>>;
  /** Ends once the project's server answers. Nothing is done to one that is awake. */
  wake(project: string): Promise<KeeperAnswer<SleepState>>;
  /** Refused while a session is busy. */
  sleep(project: string): Promise<KeeperAnswer<SleepState>>;
  /** Takes a diagnosis into the history first. */
  restart(project: string): Promise<KeeperAnswer<SleepState>>;
  /** Oldest first. */
  history(project: string): Promise<KeeperAnswer<readonly KeeperEvent[]>>;
}

/** Milliseconds for a look, and for an act: a project that waits for its turn has two minutes to start, after which `ask` gives up. */
const [LOOK_MS, ACT_MS] = [10_000, 130_000];
/** Longest text of the keeper's that is passed on, in characters; and lines of a diagnosis. */
const [LONGEST, MOST_LINES] = [500, 200];

const text = z.string().transform((value) => plainText(value).trim().slice(0, LONGEST));
const time = z.string().refine((value) => !Number.isNaN(Date.parse(value)));
const optional = <Schema extends z.ZodType>(schema: Schema) => schema.optional().catch(undefined);

const keptSchema = z
  .object({
    project: z.string(),
    state: z.enum(SLEEP_STATES),
    since: time,
    reason: optional(text),
    held: optional(z.boolean()),
  })
  .transform(
    ({ reason, held, ...kept }): Kept => ({
      ...kept,
      ...(reason ? { reason } : {}),
      ...(held ? { held } : {}),
    }),
  );

const eventSchema = z
  .object({
    at: time,
    what: text,
    text: optional(z.string()),
    diagnosis: optional(z.union([z.string(), z.array(z.string()).transform((lines) => lines.join("\n"))])),
  })
  .transform(({ text: said = "", diagnosis = "", ...event }): KeeperEvent => {
    // Of a text with several lines, the first says what it is.
    const [first = "", ...more] = plainText(said).trim().split("\n");
    const lines = [...more, ...plainText(diagnosis).split("\n")].filter((line) => line.trim());
    return {
      ...event,
      ...(first ? { text: first.slice(0, LONGEST) } : {}),
      ...(lines.length > 0
        ? { diagnosis: lines.slice(-MOST_LINES).map((line) => line.slice(0, LONGEST)) }
        : {}),
    };
  });

/** A list without the items that a newer keeper writes in another way. */
const listOf = <Item>(schema: z.ZodType<Item>) =>
  z.array(z.unknown()).transform((items) =>
    items.flatMap((item) => {
      const { data } = schema.safeParse(item);
      return data === undefined ? [] : [data];
    }),
  );

const stateSchema = z.object({ state: z.enum(SLEEP_STATES) }).transform(({ state }) => state);
const errorSchema = z.object({ error: text });

/** What `ask` says where it reaches nobody. */
const NO_ANSWER = /^The keeper does not answer/;
/** Docker's words where there is no container, or none that a program can be run in. */
const MISSING =
  /No such container|is not running|is paused|stopped\/paused|is restarting|no such file or directory/i;

/**
 * The keeper of a stack.
 * @param container its name
 */
export function makeKeeper(run: RunDocker, container: string): Keeper {
  const ask = async <Value>(
    schema: z.ZodType<Value>,
    timeoutMs: number,
    ...question: readonly string[]
  ): Promise<KeeperAnswer<Value>> => {
    try {
      const { code, stdout, stderr } = await run(["exec", container, ASK, ...question], timeoutMs);
      return readAnswer(schema, code, stdout, stderr);
    } catch {
      return SILENT;
    }
  };
  return {
    projects: () => ask(listOf(keptSchema), LOOK_MS, "projects"),
    wake: (project) => ask(stateSchema, ACT_MS, "wake", project),
    sleep: (project) => ask(stateSchema, ACT_MS, "sleep", project),
    restart: (project) => ask(stateSchema, ACT_MS, "restart", project),
    history: (project) => ask(listOf(eventSchema), LOOK_MS, "history", project),
  };
}

const SILENT = { kind: "silent", reason: "the keeper is not responding" } as const;
const NO_KEEPER = { kind: "missing", reason: "the keeper is not running" } as const;

function readAnswer<Value>(
  schema: z.ZodType<Value>,
  code: number | null,
  stdout: string,
  stderr: string,
): KeeperAnswer<Value> {
  const answer = parseJson(stdout);
  if (code === 0) {
    const { success, data } = schema.safeParse(answer);
    return success ? { kind: "answered", value: data as Value } : SILENT;
  }
  const { data: refusal } = errorSchema.safeParse(answer);
  if (refusal && !NO_ANSWER.test(refusal.error))
    return { kind: "refused", reason: refusal.error || "the keeper gives no reason" };
  return code !== null && MISSING.test(stderr) ? NO_KEEPER : SILENT;
}
