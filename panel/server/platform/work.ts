/** What an operation does beside the queue. */
import { UserError } from "../../../config/errors.ts";
import { messageOf } from "./tracked.ts";
import { ShuttingDown, type WhileOpen, type WorkTools } from "./types.ts";

/** How it ended. `interrupted`: what it waited for may go on, but nobody waits for it any more. */
export interface WorkEnd {
  readonly state: "succeeded" | "failed" | "interrupted";
  /** Why it failed. */
  readonly error?: string;
}

/** What is done, with what it has. */
export type Work = (tools: WorkTools, whileOpen: WhileOpen) => Promise<void> | undefined;

/** @param closing is aborted when the panel ends */
export const whileOpenUntil =
  (closing: AbortSignal): WhileOpen =>
  async (work) => {
    const end = Promise.withResolvers<never>();
    const onEnd = () => end.reject(new ShuttingDown("The panel is shutting down"));
    if (closing.aborted) throw new ShuttingDown("The panel is shutting down");
    closing.addEventListener("abort", onEnd);
    try {
      return await Promise.race([end.promise, work()]);
    } finally {
      closing.removeEventListener("abort", onEnd);
    }
  };

/**
 * Does it to its end, or to the panel's where it waits by `whileOpenUntil`.
 * @param report receives what is not a person's to fix
 */
export async function endOf(
  work: () => Promise<void> | undefined,
  report: (error: unknown) => void = () => {},
): Promise<WorkEnd> {
  try {
    await work();
    return { state: "succeeded" };
  } catch (error) {
    if (error instanceof ShuttingDown) return { state: "interrupted" };
    if (!(error instanceof UserError)) report(error);
    return { state: "failed", error: messageOf(error) };
  }
}
