/** The one client of the storage program: asks it by `docker exec`, over the Docker client of a stack's host or the panel's socket. */
import * as z from "zod";
import { fail } from "../../config/errors.ts";
import { ASK_STORAGE } from "../../config/naming/names.ts";
import type { RunDocker } from "../docker/containers.ts";
import {
  type Backup,
  backupSchema,
  type Checkpoint,
  checkpointSchema,
  forgottenSchema,
  listOf,
  type Progress,
  progressIn,
  type Restored,
  readLine,
  restoredSchema,
  type StorageStatus,
  statusSchema,
  type Tried,
  triedSchema,
} from "./answers.ts";

export type { Backup, Checkpoint, Progress, Restored, StorageStatus } from "./answers.ts";

/**
 * What came of a verb. `refused`: it says in a sentence why not. `missing`: no storage program runs, as on a stack that an earlier release has made, or it
 * does not know the verb. `silent`: it runs, and did not answer, or nothing that can be read; what was begun may go on.
 */
export type StorageAnswer<Value> =
  | { readonly kind: "answered"; readonly value: Value }
  | { readonly kind: "refused"; readonly reason: string; readonly fix?: string }
  | { readonly kind: "missing" | "silent"; readonly reason: string };

export type OnProgress = (progress: Progress) => void;

/** A name for a copy, with the user that it belongs to. */
export interface CopyOwner {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
}

export interface CheckpointRequest {
  /** Default: its id. */
  readonly label?: string | undefined;
  /** Why it is taken. Default: somebody has asked for it. */
  readonly reason?: string;
}

export interface RestoreRequest {
  readonly project: string;
  /** An id, a time in ISO 8601, or `latest`, the default. */
  readonly at?: string;
  /** The name that it is restored under. Default: the project itself. */
  readonly into?: CopyOwner;
  /** The only file or folder that is restored: relative to the workspace, or below /home/opencode. Default: all. */
  readonly path?: string;
  /** Whether what is there is not backed up first. Default: false. */
  readonly withoutBackup?: boolean;
}

export interface ForkRequest {
  readonly from: string;
  readonly to: CopyOwner;
  /** Whether log-ins of providers and forges come along. */
  readonly withLogins: boolean;
}

/** None of these throws. Other than looks they take as long as they take, and end even if nobody waits any more. */
export interface Storage {
  status(): Promise<StorageAnswer<StorageStatus>>;
  /** Newest first. */
  checkpoints(project: string): Promise<StorageAnswer<readonly Checkpoint[]>>;
  checkpoint(project: string, about?: CheckpointRequest, on?: OnProgress): Promise<StorageAnswer<Checkpoint>>;
  /** @param id or label */
  rollback(project: string, id: string, on?: OnProgress): Promise<StorageAnswer<unknown>>;
  drop(project: string, id: string, on?: OnProgress): Promise<StorageAnswer<unknown>>;
  fork(request: ForkRequest, on?: OnProgress): Promise<StorageAnswer<{ kind: "snapshot" | "copy" }>>;
  /** Of one project, or all. @param reason why, for the list */
  backup(project?: string, reason?: string, on?: OnProgress): Promise<StorageAnswer<readonly Backup[]>>;
  /** Of one project, or all; newest first. */
  backups(project?: string): Promise<StorageAnswer<readonly Backup[]>>;
  restore(request: RestoreRequest, on?: OnProgress): Promise<StorageAnswer<Restored>>;
  /** Reads the repository. */
  check(on?: OnProgress): Promise<StorageAnswer<Tried>>;
  /** Restores one project into a scratch directory, and compares. */
  try(project?: string, on?: OnProgress): Promise<StorageAnswer<Tried>>;
  /** Has a removed project's last backup kept for so many days. */
  forget(project: string, keepDays: number): Promise<StorageAnswer<{ backup: Backup }>>;
}

/** Milliseconds for a look, and for one at the repository. */
const [LOOK_MS, LIST_MS] = [20_000, 120_000];
/** For what takes as long as it takes: no limit. */
const NO_LIMIT = 0;

const done = z.unknown();
const forked = z.object({ kind: z.enum(["snapshot", "copy"]) });
const newestFirst = <Item extends { readonly at: string }>(items: readonly Item[]): Item[] =>
  items.toSorted((one, other) => Date.parse(other.at) - Date.parse(one.at));
const backups = listOf(backupSchema).transform(newestFirst);
const checkpoints = listOf(checkpointSchema).transform(newestFirst);

/**
 * The storage program of a stack.
 * @param container its name
 */
export function makeStorage(run: RunDocker, container: string): Storage {
  const ask = async <Value>(
    verb: string,
    argument: object,
    schema: z.ZodType<Value>,
    on?: OnProgress,
    timeoutMs = NO_LIMIT,
  ): Promise<StorageAnswer<Value>> => {
    const onLine = (line: string) => {
      const progress = progressIn(line);
      if (progress) on?.(progress);
    };
    try {
      const command = ["exec", container, ASK_STORAGE, verb, JSON.stringify(argument)];
      const { code, stdout, stderr } = await run(command, timeoutMs, on && onLine);
      return readAnswer(schema, code, stdout, stderr);
    } catch {
      return SILENT;
    }
  };
  const flat = ({ from, to: { name, uid, gid }, withLogins }: ForkRequest) => ({
    from,
    to: name,
    uid,
    gid,
    withLogins,
  });
  return {
    status: () => ask("status", {}, statusSchema, undefined, LOOK_MS),
    checkpoints: (project) => ask("checkpoints", { project }, checkpoints, undefined, LOOK_MS),
    checkpoint: (project, about, on) => ask("checkpoint", { project, ...about }, checkpointSchema, on),
    rollback: (project, id, on) => ask("rollback", { project, id }, done, on),
    drop: (project, id, on) => ask("drop", { project, id }, done, on),
    fork: (request, on) => ask("fork", flat(request), forked, on),
    backup: (project, reason, on) => ask("backup", { project, reason }, backups, on),
    backups: (project) => ask("backups", { project }, backups, undefined, LIST_MS),
    restore: (request, on) => ask("restore", request, restoredSchema, on),
    check: (on) => ask("check", {}, triedSchema, on),
    try: (project, on) => ask("try", { project }, triedSchema, on),
    forget: (project, keepDays) => ask("forget", { project, keepDays }, forgottenSchema),
  };
}

const SILENT = {
  kind: "silent",
  reason: "the storage program is not responding, so nobody knows whether it goes on",
} as const;
const NONE = { kind: "missing", reason: "the storage program is not running" } as const;
const TOO_OLD = { kind: "missing", reason: "the storage program is of an older release" } as const;

/** What `ask` says where it reaches nobody, or nobody any more. */
const NO_ANSWER = /^the storage program (does not answer|ended meanwhile)/;
/** Exit code of `ask` for a verb that it does not know. */
const UNKNOWN_VERB = 2;
/** Docker's words where there is no container, or none that a program can be run in. */
const MISSING =
  /No such container|is not running|is paused|stopped\/paused|is restarting|no such file or directory/i;

function readAnswer<Value>(
  schema: z.ZodType<Value>,
  code: number | null,
  stdout: string,
  stderr: string,
): StorageAnswer<Value> {
  const last = readLine(stdout.trimEnd().split("\n").at(-1) ?? "");
  if (code === 0 && last && "result" in last) {
    const { success, data } = schema.safeParse(last.result);
    return success ? { kind: "answered", value: data as Value } : SILENT;
  }
  if (code !== 0 && last?.error) {
    const { what, fix } = last.error;
    if (NO_ANSWER.test(what)) return { kind: "silent", reason: what };
    return {
      kind: "refused",
      reason: what || "the storage program gives no reason",
      ...(fix ? { fix } : {}),
    };
  }
  if (code === UNKNOWN_VERB) return TOO_OLD;
  return code !== null && MISSING.test(stderr) ? NONE : SILENT;
}

/** The answer's value. @throws UserError with its reason @param where whom it is about @param fix what to do if nobody is there to say */
export function answered<Value>(answer: StorageAnswer<Value>, where: string, fix: string): Value {
  if (answer.kind === "answered") return answer.value;
  if (answer.kind === "refused") return fail("conflict", where, answer.reason, answer.fix);
  return fail("environment", where, answer.reason, fix);
}
