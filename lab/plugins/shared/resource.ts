/** What a plugin of this folder consists of: resources, each an object with the operations the engine asks for. */
import type { Change } from "./diff.ts";
import type { Failure } from "./schema.ts";
import type { Props } from "./values.ts";

/** What an operation knows about its surroundings. */
export interface Context {
  readonly urn: string;
  /** The resource's name in the program. */
  readonly name: string;
  /** Aborted when the engine cancels or is gone. */
  readonly signal: AbortSignal;
  /** How long the program lets the operation take (customTimeouts). */
  readonly timeoutSeconds?: number | undefined;
  /** A line in the engine's output, belonging to the resource. */
  log(message: string, severity?: "info" | "warning"): void;
  /** A passing word on how far the operation is. */
  status(message: string): void;
}

export interface CheckArgs {
  readonly name: string;
  /** The inputs of the last run; empty when the resource is new. */
  readonly olds: Props;
  readonly news: Props;
  /** Sixteen or more random bytes that stay the same over a preview and its update. */
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

/** A resource as it is after an operation. */
export interface Made {
  readonly id: string;
  readonly state: Props;
}

/** A resource was made but isn't as it should be: the engine remembers it, and the next run goes on from there. */
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

/** The operations on one type of resource. */
export interface Resource {
  check(args: CheckArgs): CheckResult | Promise<CheckResult>;
  diff(request: DiffRequest): DiffResult | Promise<DiffResult>;
  /** What create would give, as far as a preview can know. */
  previewCreate(inputs: Props): Props;
  create(inputs: Props, context: Context): Promise<Made>;
  /** The resource as it is; undefined when it is gone. */
  read(id: string, inputs: Props, state: Props, context: Context): Promise<ReadResult | undefined>;
  previewUpdate(args: UpdateArgs): Props;
  update(args: UpdateArgs, context: Context): Promise<Props>;
  delete(id: string, state: Props, context: Context): Promise<void>;
}

/** A function that only looks something up. */
export type Lookup = (args: Props, signal: AbortSignal) => Promise<Props>;

/** A provider plugin. */
export interface Plugin {
  readonly name: string;
  /** By type token, such as `docker:index/network:Network`. */
  readonly resources: Readonly<Record<string, Resource>>;
  /** By token, such as `cloudflare:index/getZone:getZone`. */
  readonly functions?: Readonly<Record<string, Lookup>>;
  /** What is wrong with the provider's configuration. */
  checkConfig?(config: Props): readonly Failure[];
  /** Takes the provider's configuration, all of it known. */
  configure?(config: Props): void;
}
