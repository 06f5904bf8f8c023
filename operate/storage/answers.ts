/** What the storage program says of backups, checkpoints and itself: read with care, since a newer one may say more. */
import * as z from "zod";
import { parseJson } from "../../config/text/json.ts";
import { plainText } from "../../config/text/plain.ts";

/** Longest text that is passed on, in characters. */
const LONGEST = 500;

const text = z.string().transform((value) => plainText(value).trim().slice(0, LONGEST));
const time = z.string().refine((value) => !Number.isNaN(Date.parse(value)));
const bytes = z.number().min(0);

export const backupSchema = z.object({
  id: text,
  project: text,
  at: time,
  bytes: bytes.catch(0),
  added: bytes.optional().catch(undefined),
  release: text.catch(""),
  reason: text.catch(""),
  // What nobody understands is not shown to those who may not see it.
  isEarlier: z.boolean().optional().catch(true),
});
/** Why a backup was made that a restore took first: of what somebody wanted to be rid of. */
export const BEFORE_RESTORE = "before-restore";

/**
 * One project as it was at one moment. Sizes in bytes: all of it, and what was new, where that is known. `release` is opencode's. `isEarlier`: it is of an
 * earlier project of that name, whose people may have been others.
 */
export type Backup = z.output<typeof backupSchema>;

export const checkpointSchema = z.object({
  id: text,
  at: time,
  label: text,
  reason: text.catch(""),
  bytes: bytes.optional().catch(undefined),
  dropped: z.array(text).optional().catch(undefined),
});
/** A copy of a project beside it, on its own disk. `bytes`: what it alone takes, where that is known; `dropped`: labels of those that had to go for a new one. */
export type Checkpoint = z.output<typeof checkpointSchema>;

/** What of a project's backups the storage program has written down. */
const backedUpSchema = z.object({
  /** Since when it is to have backups. */
  since: time.optional().catch(undefined),
  last: backupSchema.optional().catch(undefined),
  failed: z.object({ at: time, what: text }).optional().catch(undefined),
});

/** Why a look at the repository failed: `broken` alone says that something is wrong with what is kept there. */
const checkKind = z.enum(["broken", "full", "key", "unreachable", "locked", "other"]);
export type CheckKind = z.output<typeof checkKind>;

export const statusSchema = z.object({
  fileSystem: z.enum(["btrfs", "other"]).catch("other"),
  running: z.array(z.object({ project: text, what: text, since: time })).catch([]),
  /** Absent while backups are not set up. */
  backup: z
    .object({
      /** Where they go, without credentials. */
      to: text,
      /** Milliseconds between two. */
      everyMs: z.number().positive(),
      projects: z.record(z.string(), backedUpSchema).catch({}),
      /** The last look at the repository. */
      check: z
        .object({ at: time, ok: z.boolean(), text, kind: checkKind.optional().catch(undefined) })
        .optional()
        .catch(undefined),
      /** The last restore for a try. */
      tried: z.object({ at: time, project: text, ok: z.boolean(), text }).optional().catch(undefined),
    })
    .optional(),
});
export type StorageStatus = z.output<typeof statusSchema>;

export const restoredSchema = z.object({
  backup: backupSchema,
  before: backupSchema.optional().catch(undefined),
});
/** What was restored, and the backup of what was there before. */
export type Restored = z.output<typeof restoredSchema>;

/** The backup that is kept: marking it may have given it another id. */
export const forgottenSchema = z.object({ backup: backupSchema });

export const triedSchema = z.looseObject({
  ok: z.boolean().optional().catch(undefined),
  text: text.optional().catch(undefined),
  project: text.optional().catch(undefined),
});
/** What came of a look at the repository, or of a restore for a try: then of which project. */
export type Tried = z.output<typeof triedSchema>;

/** A list without the items that a newer program writes in another way. */
export const listOf = <Item>(schema: z.ZodType<Item>) =>
  z.array(z.unknown()).transform((items) =>
    items.flatMap((item) => {
      const { data } = schema.safeParse(item);
      return data === undefined ? [] : [data];
    }),
  );

/** How far a verb is. */
export interface Progress {
  readonly step: string;
  /** 0 to 100, where it is known. */
  readonly percent?: number;
}

const lineSchema = z.object({
  progress: z
    .object({ step: text, percent: z.number().min(0).max(100).optional().catch(undefined) })
    .optional(),
  result: z.unknown().optional(),
  error: z.object({ what: text, fix: text.optional().catch(undefined) }).optional(),
});

/** One line of an answer; undefined for what is none. */
export function readLine(line: string): z.output<typeof lineSchema> | undefined {
  return lineSchema.safeParse(parseJson(line)).data;
}

/** How far it is, in a line of an answer. */
export function progressIn(line: string): Progress | undefined {
  const progress = readLine(line)?.progress;
  if (!progress) return undefined;
  const { step, percent } = progress;
  return percent === undefined ? { step } : { step, percent };
}
