/** Progress and outcome of an update: for the panel's queue and for the terminal. */

/** A step of an update: one resource. */
export interface ProgressData {
  /** `create`, `update`, `delete` … in the engine's terms. */
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

/** A step's position among all. */
export interface StepCount {
  readonly done: number;
  /** An estimate until the update has ended. */
  readonly total?: number;
}

export type UpdateEvent =
  /** Every step is counted; those that change nothing have no `data`. */
  | { readonly kind: "step"; readonly count: StepCount; readonly data?: ProgressData }
  | { readonly kind: "message"; readonly data: MessageData };

/** The outcome of an update. */
export type UpdateOutcome =
  | { readonly state: "succeeded" }
  /** Another process is updating the stack: nothing was done, and it can be retried. */
  | { readonly state: "busy"; readonly by: string }
  /** It was canceled, and the engine has ended gracefully. */
  | { readonly state: "interrupted" }
  | {
      readonly state: "failed";
      /** One sentence. */
      readonly reason: string;
      /** Why a project's change was not made; undefined if it was made. */
      failureOf(project: string | undefined, isRemoval: boolean): string | undefined;
    };

/**
 * Runs one update of the stack. Throws if it could not start.
 * @param project the only project to update; everything is updated if something else has changed too
 */
export type RunUpdate = (
  onUpdateEvent: (event: UpdateEvent) => void,
  signal: AbortSignal,
  project?: string,
) => Promise<UpdateOutcome>;
