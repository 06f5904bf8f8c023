/** How an update is run, as far as the queue knows. */
import type { MessageData, ProgressData } from "../../panel/server/platform/types.ts";

/** Where a step stands among all. */
export interface StepCount {
  readonly done: number;
  /** An estimate until the end. */
  readonly total?: number;
}

export type UpdateEvent =
  /** Every step is counted; those that change nothing have no `data`. */
  | { readonly kind: "step"; readonly count: StepCount; readonly data?: ProgressData }
  | { readonly kind: "message"; readonly data: MessageData };

/** How an update has ended. */
export type UpdateOutcome =
  | { readonly state: "succeeded" }
  /** Somebody else updates the stack: nothing has been done, and it can be tried again later. */
  | { readonly state: "busy"; readonly by: string }
  /** It was ended in order, by the signal. */
  | { readonly state: "interrupted" }
  | {
      readonly state: "failed";
      /** In a sentence. */
      readonly reason: string;
      /** Why what was wanted of one project was not done; undefined where it was done all the same. */
      failureOf(project: string | undefined, isRemoval: boolean): string | undefined;
    };

/** Runs one update of the stack. It throws where it could not even begin. */
export type RunUpdate = (hear: (event: UpdateEvent) => void, signal: AbortSignal) => Promise<UpdateOutcome>;
