import { ConfigError } from "../../config/errors.ts";

/** What loading says, line by line; anything but a ConfigError fails the test. */
export function complaints(load: () => unknown): string[] {
  try {
    load();
  } catch (error) {
    if (error instanceof ConfigError) return error.message.split("\n");
    throw error;
  }
  return [];
}
