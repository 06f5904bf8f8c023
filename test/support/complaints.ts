import { UserError } from "../../config/errors.ts";

/** Errors of loading, line by line; anything but a UserError fails the test. */
export function complaints(load: () => unknown): string[] {
  try {
    load();
  } catch (error) {
    if (error instanceof UserError) return error.message.split("\n");
    throw error;
  }
  return [];
}
