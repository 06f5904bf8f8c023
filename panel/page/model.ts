/** Types of the panel's API, from its schemas. */
import type * as z from "zod";
import type { backupsSchema } from "../server/api/backups-schema.ts";
import type {
  meSchema,
  messageSchema,
  operationSchema,
  progressSchema,
  rollbackSchema,
} from "../server/api/schema.ts";
import type { historySchema } from "../server/api/sleep-schema.ts";

export type {
  FieldProblem,
  Leftover,
  LeftoverChoice,
  LogLine,
  Overview,
  ProjectState,
  ProjectView,
  Usage,
} from "../server/api/schema.ts";
export type { Entry } from "../server/platform/types.ts";

/** An error's body. All parts are optional, since a proxy before the panel may have answered. */
export type Problem = Partial<import("../server/api/schema.ts").Problem>;
export type Me = z.output<typeof meSchema>;
export type Operation = z.output<typeof operationSchema>;
/** A project's backups and checkpoints. */
export type Backups = z.output<typeof backupsSchema>;
/** Something that the keeper did to a project, or saw. */
export type KeeperEvent = z.output<typeof historySchema>["events"][number];
/** One step of an update, of one resource. */
export type Progress = z.output<typeof progressSchema>;
/** A message of the engine. */
export type Message = z.output<typeof messageSchema>;
/** What going back to an earlier release means. */
export type Rollback = z.output<typeof rollbackSchema>;
