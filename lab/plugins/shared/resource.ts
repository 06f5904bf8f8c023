/** A plugin's resources: objects with the operations that the engine calls. */
import type { Change } from "./diff.ts";
import type { Failure } from "./schema.ts";
import type { Props } from "./values.ts";

/** Context of an operation. */
export interface Context {
  readonly urn: string;
  /** The resource's name in the program. */
  readonly name: string;
  /** Aborted when the engine cancels or has ended. */
  readonly signal: AbortSignal;
  /** The operation's timeout in the program (customTimeouts). */
  readonly timeoutSeconds?: number | undefined;
  /** Logs a line for the resource. */
  log(message: string, severity?: "info" | "warning"): void;
  /** Shows the operation's progress. */
  status(message: string): void;
}

export interface CheckArgs {
  readonly name: string;
  /** The previous inputs; empty for a new resource. */
  readonly olds: Props;
  readonly news: Props;
  /** At least sixteen random bytes that are the same in a preview and its update. */
  readonly seed: Uint8Array;
}

export interface CheckResult {
  readonly inputs: Props;
  readonly failures: readonly Failure[];
}

export interface DiffRequest {
  readonly id: string;
  readonly oldInputs: Props;
  readonly state: Props;
  readonly news: Props;
  readonly ignore: readonly string[];
}

export interface DiffResult {
  readonly changes: readonly Change[];
  readonly deleteBeforeReplace: boolean;
}

/** A resource after an operation. */
export interface Made {
  readonly id: string;
  readonly state: Props;
}

/** A resource was created incompletely: the engine records it, and the next run continues from there. */
export class PartlyMade extends Error implements Made {
  readonly id: string;
  readonly state: Props;
  constructor(reason: string, made: Made) {
    super(reason);
    this.name = "PartlyMade";
    this.id = made.id;
    this.state = made.state;
  }
}

export interface ReadResult extends Made {
  readonly inputs: Props;
}

export interface UpdateArgs {
  readonly id: string;
  readonly state: Props;
  readonly news: Props;
}

/** The operations of a resource type. */
export interface Resource {
  check(args: CheckArgs): CheckResult | Promise<CheckResult>;
  diff(request: DiffRequest): DiffResult | Promise<DiffResult>;
  /** The result of create, as far as a preview can know it. */
  previewCreate(inputs: Props): Props;
  create(inputs: Props, context: Context): Promise<Made>;
  /** The current resource; undefined if it no longer exists. */
  read(id: string, inputs: Props, state: Props, context: Context): Promise<ReadResult | undefined>;
  previewUpdate(args: UpdateArgs): Props;
  update(args: UpdateArgs, context: Context): Promise<Props>;
  delete(id: string, state: Props, context: Context): Promise<void>;
}

/** A function without side effects. */
export type Lookup = (args: Props, signal: AbortSignal) => Promise<Props>;

/** A provider plugin. */
export interface Plugin {
  readonly name: string;
  /** By type token, such as `docker:index/network:Network`. */
  readonly resources: Readonly<Record<string, Resource>>;
  /** By token, such as `cloudflare:index/getZone:getZone`. */
  readonly functions?: Readonly<Record<string, Lookup>>;
  /** Problems of the provider's configuration. */
  checkConfig?(config: Props): readonly Failure[];
  /** Receives the provider's configuration, all of it known. */
  configure?(config: Props): void;
}
