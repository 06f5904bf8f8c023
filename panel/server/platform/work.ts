/** What an operation does beside the queue. */
import { UserError } from "../../../config/errors.ts";
import { messageOf } from "./tracked.ts";

/** How it ended. `interrupted`: it may go on, but nobody waits for it any more. */
export interface WorkEnd {
  readonly state: "succeeded" | "failed" | "interrupted";
  /** Why it failed. */
  readonly error?: string;
}

/**
 * Does it to its end, or the panel's.
 * @param closed resolves when the panel ends
 * @param report receives what is not a person's to fix
 */
export async function endOf(
  work: () => Promise<void> | undefined,
  closed: Promise<void>,
  report: (error: unknown) => void = () => {},
): Promise<WorkEnd> {
  const done = async (): Promise<WorkEnd> => {
    await work();
    return { state: "succeeded" };
  };
  const interrupted = async (): Promise<WorkEnd> => {
    await closed;
    return { state: "interrupted" };
  };
  try {
    return await Promise.race([done(), interrupted()]);
  } catch (error) {
    if (!(error instanceof UserError)) report(error);
    return { state: "failed", error: messageOf(error) };
  }
}
