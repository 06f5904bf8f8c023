import { readFileSync } from "node:fs";

/** The text of a file, or undefined where there is none. @throws what reading throws for any other reason */
export function readOptional(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
}
