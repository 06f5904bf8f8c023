/** Schemas of what the keeper does, says and has done. */
import { z } from "@hono/zod-openapi";
import { type KeeperEvent, SLEEP_STATES } from "../../../operate/keeper/client.ts";

export const sleepSchema = z
  .object({ state: z.enum(SLEEP_STATES).openapi({ description: "What the keeper says of it now." }) })
  .openapi("Sleep");

export const historySchema = z
  .object({
    events: z
      .array(
        z.object({
          at: z.string().openapi({ description: "ISO 8601." }),
          what: z.string().openapi({ description: "What the keeper did or saw.", example: "asleep" }),
          text: z.string().optional().openapi({ description: "Why, or with what result." }),
          diagnosis: z.array(z.string()).readonly().optional().openapi({
            description: "What was found before it was restarted: last lines of its log, memory, open files.",
          }),
        }) satisfies z.ZodType<KeeperEvent>,
      )
      .openapi({ description: "Oldest first; 200 at most, since the keeper started." }),
  })
  .openapi("History");
