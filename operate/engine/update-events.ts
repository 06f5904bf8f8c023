/** What an update reports while it runs, and how it ended: for the panel's queue and for the terminal. */

/** A step of an update: one resource. */
export interface ProgressData {
  /** `create`, `update`, `delete` … as the engine calls it. */
  readonly op: string;
  /** `docker:index/container:Container`. */
  readonly type: string;
  /** The resource's name in the program. */
  readonly name: string;
  readonly urn: string;
  readonly status: "begun" | "done" | "failed";
  /** For people: `creating container opencode-project-web-shop`. */
  readonly message?: string;
}

export interface MessageData {
  readonly severity: "info" | "warning" | "error";
  readonly text: string;
}

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
  /** Another process updates the stack: nothing has been done, and it can be tried again later. */
  | { readonly state: "busy"; readonly by: string }
  /** It was canceled, and the engine has ended in order. */
  | { readonly state: "interrupted" }
  | {
      readonly state: "failed";
      /** In a sentence. */
      readonly reason: string;
      /** Why what was wanted of one project was not done; undefined where it was done all the same. */
      failureOf(project: string | undefined, isRemoval: boolean): string | undefined;
    };

/**
 * Runs one update of the stack. It throws where it could not even begin.
 * @param project the only one that the update is for; all is updated where something else has changed too
 */
export type RunUpdate = (
  onUpdateEvent: (event: UpdateEvent) => void,
  signal: AbortSignal,
  project?: string,
) => Promise<UpdateOutcome>;
