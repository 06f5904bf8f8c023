/** `backup` and `checkpoints` of an entry: what is kept of a project beside its files. */
import * as z from "zod";
import { checkPattern } from "./backup-patterns.ts";
import { about } from "./field-schemas.ts";

/** What an entry says of it; absent where it says nothing. */
export interface Storage {
  /** Whether it is left out of backups. */
  readonly backup?: "never";
  /** Patterns of what its backups leave out, beside the stack's and the default ones. */
  readonly exclude?: readonly string[];
  /** How many checkpoints are kept. */
  readonly checkpoints?: number;
}

export const DEFAULT_CHECKPOINTS = 5;
export const MAX_CHECKPOINTS = 20;
const MOST_PATTERNS = 50;

const backupError = about((found, input) =>
  input === false || input === "off" || input === "none"
    ? `${found} is not a setting of backup: write never`
    : `${found} is not a setting of backup: write never, or { exclude: [dist] }`,
);
const checkpointsError = about(
  (found) => `${found} is not a number of checkpoints: a whole number from 0 to ${MAX_CHECKPOINTS}`,
);

const pattern = z
  .string({ error: about((found) => `${found} is not a pattern: write dist, *.iso or /workspace/data`) })
  .superRefine((text, context) => {
    const message = checkPattern(text);
    if (message) context.addIssue({ code: "custom", message });
  });

const settings = z.strictObject({
  exclude: z
    .array(pattern)
    .max(MOST_PATTERNS)
    .optional()
    .describe(
      "What backups of this project leave out, beside what they always do (docs/backup.md): a name (dist, *.iso) anywhere, a path (assets/raw) wherever it ends so, or one place (/workspace/data, /home/.ollama, /services/db). Default: none.",
    )
    .meta({ uniqueItems: true, examples: [["dist", "/workspace/data"]] }),
});

/** The key `backup`. */
export const backup = z
  .union([z.literal("never"), settings], { error: backupError })
  .describe(
    "never: this project is left out of backups; or what its backups leave out. Where backups are set up (opencode-platform:backup) every other project is in them.",
  )
  .meta({ examples: ["never", { exclude: ["dist"] }] });

/** The key `checkpoints`. */
export const checkpoints = z
  .int({ error: checkpointsError })
  .min(0, { error: checkpointsError })
  .max(MAX_CHECKPOINTS, { error: checkpointsError })
  .describe(
    `How many checkpoints of the project are kept on its own disk, ${MAX_CHECKPOINTS} at most; 0 for none. Default: ${DEFAULT_CHECKPOINTS}.`,
  );

interface Written {
  readonly backup?: z.output<typeof backup> | undefined;
  readonly checkpoints?: number | undefined;
}

/** Both keys as the program uses them; nothing where neither is set, so that nothing of a project that says nothing changes. */
export function readStorage({ backup: written, checkpoints: count }: Written): {
  readonly storage?: Storage;
} {
  const exclude = written === "never" ? undefined : written?.exclude;
  const storage = {
    ...(written === "never" && { backup: written }),
    ...(exclude && exclude.length > 0 && { exclude }),
    ...(count !== undefined && { checkpoints: count }),
  };
  return Object.keys(storage).length > 0 ? { storage } : {};
}
