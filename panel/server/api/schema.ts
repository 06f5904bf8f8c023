/** Schemas of the API's requests and responses: the source of its types, validation and OpenAPI description. */
import { z } from "@hono/zod-openapi";
import { PROJECT_NAME_PATTERN, VARIABLE_PATTERN } from "../../../config/projects/field-schemas.ts";
import { projectKeys } from "../../../config/projects/file-schema.ts";
import { OPENCODE } from "../../../config/versions.ts";
import {
  type LogLine,
  MOST_LINES,
  PROJECT_STATES,
  type ProjectState,
  type Usage,
} from "../../../operate/docker/types.ts";
import type { Role } from "../access/permissions.ts";
import type { Entry } from "../platform/types.ts";

export type { LogLine, ProjectState, Usage };

export const DEFAULT_LINES = 200;
/** Maximum bytes of a request's body. */
export const BODY_LIMIT = 64 * 1024;

const time = z.iso.datetime({ offset: true });
const nameOf = (what: string) =>
  z.string().regex(PROJECT_NAME_PATTERN).openapi({ description: what, example: "web-shop" });

/** Values for one project's secrets, by name. Stored encrypted in the stack's config, never returned. */
export const secretValuesSchema = z
  .record(z.string().regex(VARIABLE_PATTERN).max(128), z.string().min(1).max(32_768))
  .openapi("SecretValues", {
    description:
      "Values for the entry's secrets, by name; stored encrypted in the stack's config, never returned.",
    example: { ANTHROPIC_API_KEY: "sk-…" },
  });

/** What is done with what an earlier project of the name left behind. */
export const leftoverChoice = z.enum(["keep", "anew"]);
export type LeftoverChoice = z.output<typeof leftoverChoice>;

export const createBody = z
  .strictObject({
    ...projectKeys,
    secretValues: secretValuesSchema.optional(),
    leftover: leftoverChoice.optional().openapi({
      description:
        "What is done with the workspace and sessions that an earlier project of this name left behind: used again (`keep`, admins only), or set aside (`anew`). Without it, such a name is refused (409).",
    }),
  })
  .openapi("NewProject");

type Shape = typeof projectKeys;
type Changes = { [Key in keyof Shape]: z.ZodOptional<z.ZodNullable<Shape[Key]>> };

const changes = Object.fromEntries(
  Object.entries(projectKeys).map(([key, schema]) => [key, z.nullable(schema).optional()]),
) as unknown as Changes;

export const changeBody = z
  .strictObject({ ...changes, secretValues: secretValuesSchema.optional() })
  .openapi("ProjectChange", { description: "Keys of the entry with new values; null removes a key." });

export const checkBody = z
  .strictObject({
    entry: z.record(z.string(), z.unknown()).openapi({ description: "The entry so far; it may be invalid." }),
    secretValues: z.record(z.string(), z.string()).optional(),
    replaces: z.string().optional().openapi({ description: "Name of the entry that this one replaces." }),
  })
  .openapi("Check");

/** A release of opencode, as in the name of a copy. */
const release = z.string().min(1).max(64).openapi({ example: OPENCODE });

export const rollbackBody = z
  .strictObject({ release })
  .openapi("GoBack", { description: "The release that the person has confirmed." });

export const rollbackSchema = z
  .object({
    release,
    madeAt: time.openapi({ description: "When the copy of its sessions was made." }),
    left: z
      .array(z.object({ id: z.string(), title: z.string() }))
      .optional()
      .openapi({
        description: "Sessions used since, which are left behind; absent if opencode is not responding.",
      }),
  })
  .openapi("Rollback");

export const setupRunSchema = z
  .object({ run: z.int().min(1).openapi({ description: "Its number since the container started." }) })
  .openapi("SetupRun");

export const projectState = z.enum(PROJECT_STATES).openapi("ProjectState", {
  description:
    "pending: in projects.yaml, with no container yet. setting-up: it serves, while the entry's setup runs. asleep: idle, and woken by whoever opens it. waiting: started with Docker, waits for its turn, or for somebody who opens it. parked: stopped while its files are replaced, and started again then.",
});

const usage = (unit: string) =>
  z
    .object({ used: z.number().min(0), limit: z.number().min(0) })
    .openapi({ description: unit }) satisfies z.ZodType<Usage>;

export const projectSchema = z
  .object({
    name: nameOf("The project's name."),
    state: projectState,
    reason: z.string().optional().openapi({ description: "Why it is not in the requested state." }),
    since: z.string().optional().openapi({
      description: "Since when it is asleep, waking, falling asleep, waiting or parked, ISO 8601.",
    }),
    url: z.string(),
    attach: z.string().openapi({ description: "The command that opens it in a terminal." }),
    ports: z
      .array(
        z.object({
          port: z.number(),
          label: z.string().openapi({ description: "Its name, or its number." }),
          url: z.string(),
          listening: z.boolean().openapi({ description: "Whether something listens on it." }),
        }),
      )
      .openapi({ description: "What its own programs serve at hostnames of their own." }),
    hasSetup: z.boolean().openapi({ description: "Whether it has lines that prepare its workspace." }),
    listening: z.array(z.number()).openapi({ description: "Other ports that something in it listens on." }),
    repo: z.string().optional(),
    branch: z.string().optional(),
    memory: usage("Bytes, while it runs.").optional(),
    cpu: usage("Processors, while it runs.").optional(),
    disk: usage("Bytes that workspace and home take, where the host limits them.").optional(),
    release: z.string().openapi({ description: "Its release of opencode.", example: OPENCODE }),
    upgrade: z.string().optional().openapi({
      description: "How far its change to that release is, while it is under way.",
      example: "migrating, 412 of 1300 sessions",
    }),
    lastActivity: time.optional().openapi({ description: "When a session was last used." }),
    backup: z.object({ last: time.optional(), problem: z.string().optional() }).optional().openapi({
      description:
        "When its newest backup was made, and what is wrong with its backups: for whoever may change it, where the stack has backups.",
    }),
    members: z
      .array(z.string())
      .openapi({ description: "Who can open it, with groups resolved. Empty: the stack's access list." }),
    owners: z
      .array(z.string())
      .openapi({ description: "Who can change it besides admins, with groups resolved." }),
    role: z.enum(["admin", "owner", "member", "machine"]).openapi({
      description: "What the person is to it: members only open, start and stop it.",
    }) satisfies z.ZodType<Role>,
    entry: z.record(z.string(), z.unknown()).openapi({ description: "Its entry as written." }),
    operation: z.string().optional().openapi({ description: "Id of its queued or running operation." }),
    deployKey: z
      .string()
      .optional()
      .openapi({ description: "Public half of its deploy key, if git's auth is ssh." }),
  })
  .openapi("Project");

export const meSchema = z
  .object({
    email: z.string(),
    admin: z.boolean(),
    kind: z.enum(["person", "machine", "local"]),
    create: z.boolean().openapi({ description: "Whether the person can create projects." }),
    secrets: z.boolean().openapi({
      description:
        "Whether values of secrets can be given: a panel whose commits a pipeline applies has no key to encrypt them with.",
    }),
  })
  .openapi("Me");

export const overviewSchema = z
  .object({
    projects: z.array(projectSchema),
    version: z.string().openapi({ description: "Version of projects.yaml, for If-Match." }),
    me: meSchema,
    stack: z.string(),
  })
  .openapi("Overview");

export const operationSchema = z
  .object({
    id: z.string(),
    what: z.string().openapi({ example: "create web-shop" }),
    project: z.string().optional(),
    person: z.string(),
    state: z.enum(["queued", "running", "succeeded", "failed", "interrupted"]),
    createdAt: time,
    startedAt: time.optional(),
    endedAt: time.optional(),
    total: z.number().optional().openapi({ description: "Estimated steps of its update." }),
    isWork: z.boolean().optional().openapi({
      description:
        "Whether it is no update, but a backup, restore or the like: `done` of `total` is then a percentage.",
    }),
    done: z.number(),
    error: z.string().optional(),
  })
  .openapi("Operation");

export const acceptedSchema = z.object({ operation: operationSchema }).openapi("Started");
export const operationsSchema = z.object({ operations: z.array(operationSchema) }).openapi("Operations");

export const progressSchema = z
  .object({
    op: z.string(),
    type: z.string(),
    name: z.string(),
    urn: z.string(),
    status: z.enum(["begun", "done", "failed"]),
    message: z.string().optional(),
  })
  .openapi("Progress");
export const messageSchema = z
  .object({ severity: z.enum(["info", "warning", "error"]), text: z.string() })
  .openapi("Message");

export const logLineSchema = z
  .object({
    at: z.string().openapi({ description: "Docker's timestamp of the line, ISO 8601." }),
    stream: z
      .enum(["stdout", "stderr", "panel"])
      .openapi({ description: "panel: a message of the panel itself." }),
    text: z.string(),
  })
  .openapi("LogLine") satisfies z.ZodType<LogLine>;
export const logLinesSchema = z.object({ lines: z.array(logLineSchema) }).openapi("LogLines");

export const fieldProblemSchema = z
  .object({
    path: z
      .string()
      .openapi({ description: "The key: `resources.memory`; empty for the whole entry.", example: "repo" }),
    message: z.string(),
    fix: z.string().optional(),
  })
  .openapi("FieldProblem");
export const checkResultSchema = z.object({ problems: z.array(fieldProblemSchema) }).openapi("Checked");

/** What an earlier project of a name left behind, as far as the person may know. */
export const leftoverSchema = z
  .object({
    choices: z.array(leftoverChoice).openapi({ description: "What the person can send as `leftover`." }),
    bytes: z.number().min(0).optional().openapi({ description: "Its size, for admins." }),
    lastUsed: time.optional().openapi({ description: "When it was last used, for admins." }),
  })
  .openapi("Leftover");

export const problemSchema = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    instance: z.string().optional().openapi({ description: "Id of the request, as in the audit log." }),
    errors: z.array(fieldProblemSchema).optional(),
    leftover: leftoverSchema.optional(),
    changedBy: z.string().optional().openapi({
      description: "With 409: author and operation of the last change to projects.yaml, if known.",
      example: "ann@example.com (create web-shop)",
    }),
  })
  .openapi("Problem", { description: "RFC 9457." });

export const healthPartSchema = z
  .object({ name: z.string(), state: z.enum(["ok", "degraded", "down"]), reason: z.string().optional() })
  .openapi("HealthPart");
export const healthSchema = z
  .object({ status: z.enum(["ok", "degraded", "down"]), parts: z.array(healthPartSchema) })
  .openapi("Health");

/** Parameters. */
export const nameParams = z.object({ name: nameOf("The project's name.") });
export const operationParams = z.object({
  id: z.string().min(1).max(100).openapi({ description: "The operation's id." }),
});
export const deleteQuery = z.object({
  workspace: z.enum(["keep", "delete"]).optional(),
  confirm: z
    .string()
    .max(64)
    .optional()
    .openapi({ description: "The project's name, required to delete its workspace." }),
  backup: z
    .enum(["take", "skip"])
    .optional()
    .openapi({ description: "skip: deletes the workspace without a last backup." }),
});
export const logsQuery = z.object({
  lines: z
    .string()
    .regex(/^[0-9]{1,4}$/)
    .refine((text) => Number(text) <= MOST_LINES, { error: `${MOST_LINES} lines at most` })
    .optional()
    .openapi({ description: `Lines from the end: 0 to ${MOST_LINES}, by default ${DEFAULT_LINES}.` }),
  follow: z.enum(["0", "1"]).optional().openapi({ description: "1: a stream of these and new lines." }),
});

export const ifMatchHeader = z.object({
  "if-match": z
    .string()
    .optional()
    .openapi({ description: "The version of projects.yaml that the change is based on; 409 if stale." }),
});

export type ProjectView = Omit<z.output<typeof projectSchema>, "entry"> & { entry: Entry };
export type Overview = Omit<z.output<typeof overviewSchema>, "projects"> & { projects: ProjectView[] };
export type FieldProblem = z.output<typeof fieldProblemSchema>;
export type Leftover = z.output<typeof leftoverSchema>;
export type Problem = z.output<typeof problemSchema>;
export type Health = z.output<typeof healthSchema>;
export type HealthPart = z.output<typeof healthPartSchema>;
