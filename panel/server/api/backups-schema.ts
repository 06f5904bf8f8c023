/** Schemas of backups, checkpoints and forks. */
import { z } from "@hono/zod-openapi";
import { PROJECT_NAME_PATTERN } from "../../../config/projects/field-schemas.ts";

const at = z.string().openapi({ description: "ISO 8601." });
const bytes = z.number().min(0);
const newName = z.string().regex(PROJECT_NAME_PATTERN).openapi({ example: "web-shop-try" });
/** An id, a label, or a time. */
const id = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9:.+-]{0,63}$/);

const backup = z.object({
  id: z.string(),
  at,
  bytes: bytes.openapi({ description: "Of all that is in it." }),
  added: bytes.optional().openapi({ description: "Of what was new, where that is known." }),
  release: z.string().openapi({ description: "The release of opencode that the project ran." }),
  reason: z.string(),
  isEarlier: z.boolean().optional().openapi({
    description:
      "Whether it is of an earlier project of this name, whose people may have been others: for admins.",
  }),
});

const checkpoint = z.object({
  id: z.string(),
  at,
  label: z.string(),
  reason: z.string(),
  bytes: bytes.optional().openapi({ description: "What it alone takes, where that is known." }),
});

export const backupsSchema = z
  .object({
    setUp: z.boolean().openapi({ description: "Whether the stack has backups." }),
    to: z.string().optional().openapi({ description: "Where they go, for admins." }),
    everyMs: z.number().optional().openapi({ description: "Milliseconds between two." }),
    problem: z.string().optional().openapi({ description: "What is wrong with the project's backups." }),
    running: z
      .object({ what: z.string(), since: at })
      .optional()
      .openapi({ description: "What is being done to the project." }),
    isSnapshot: z.boolean().openapi({
      description:
        "Whether checkpoints and forks take no time and no space, as on btrfs; else they are copies.",
    }),
    backups: z.array(backup).openapi({ description: "Newest first." }),
    checkpoints: z.array(checkpoint).openapi({ description: "Newest first." }),
  })
  .openapi("Backups");

const isInside = (path: string): boolean =>
  !/^-|^\/(?!workspace\/|home\/opencode\/)|\p{Cc}/u.test(path) && !path.split("/").includes("..");

export const restoreBody = z
  .strictObject({
    at: id.openapi({ description: "A backup's id, a time in ISO 8601, or `latest`." }),
    path: z
      .string()
      .min(1)
      .max(1000)
      .refine(isInside, { error: "is not a path in the workspace or the home" })
      .optional()
      .openapi({
        description:
          "The only file or folder that is restored: relative to the workspace, or below /home/opencode.",
      }),
    into: newName.optional().openapi({ description: "Name of a new project that it becomes instead." }),
  })
  .openapi("Restore");

export const checkpointBody = z
  .strictObject({
    label: z
      .string()
      .regex(/^[a-z0-9-]{1,40}$/)
      .optional()
      .openapi({ description: "Lower-case letters, digits and hyphens. Default: the time." }),
  })
  .openapi("NewCheckpoint");

export const forkBody = z
  .strictObject({
    name: newName,
    withLogins: z.boolean().optional().openapi({
      description: "Whether log-ins of providers and forges are copied too. Default: false.",
    }),
  })
  .openapi("Fork");

export const checkpointParams = z.object({
  name: z.string().regex(PROJECT_NAME_PATTERN).openapi({ description: "The project's name." }),
  id: id.openapi({ description: "The checkpoint's id or label." }),
});
