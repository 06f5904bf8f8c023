/** What the panel's API answers, as its page reads it: the types of the API's own schemas. */
import type * as z from "zod";
import type { meSchema, messageSchema, operationSchema, progressSchema } from "../server/api/schema.ts";

export type {
  FieldProblem,
  LogLine,
  Overview,
  ProjectState,
  ProjectView,
  Usage,
} from "../server/api/schema.ts";
export type { Entry } from "../server/platform/types.ts";

/** An error's body. Any part of it may be missing where something before the panel answered. */
export type Problem = Partial<import("../server/api/schema.ts").Problem>;
export type Me = z.output<typeof meSchema>;
export type Operation = z.output<typeof operationSchema>;
/** One step of an update, of one resource. */
export type Progress = z.output<typeof progressSchema>;
/** What the engine says beside its steps. */
export type Message = z.output<typeof messageSchema>;
