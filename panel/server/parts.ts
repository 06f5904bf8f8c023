/** The services behind the panel's HTTP app; tests replace them. */
import type { Hono } from "hono";
import type { Urls } from "../../config/naming/urls.ts";
import type { Project } from "../../config/projects/project.ts";
import type { Control } from "../../operate/docker/control.ts";
import type { Logs } from "../../operate/docker/logs.ts";
import type { Usage } from "../../operate/docker/types.ts";
import type { UsageSource } from "../../operate/docker/usage.ts";
import type { Containers } from "../../operate/docker/watch.ts";
import type { Keeper } from "../../operate/keeper/client.ts";
import type { SleepSource } from "../../operate/keeper/watch.ts";
import type { CopyOwner, Storage } from "../../operate/storage/client.ts";
import type { BackedUp } from "../../operate/storage/judge.ts";
import type { Left } from "../../operate/workspaces/left.ts";
import type { Audit } from "./access/audit.ts";
import type { Authority } from "./access/authority.ts";
import type { AllowedOrigins } from "./access/guard.ts";
import type { Authenticate } from "./access/identity.ts";
import type { LocalKey } from "./access/local-key.ts";
import type { Health } from "./api/schema.ts";
import type { Streams } from "./api/sse.ts";
import type { BackupNote } from "./backups-watch.ts";
import type { DeleteOptions } from "./platform/index.ts";
import type { CheckText, ProjectsSnapshot } from "./platform/projects-file.ts";
import type { Operations } from "./platform/types.ts";
import type { Rollbacks } from "./rollbacks.ts";

/** What the panel asks the storage program. */
export type PanelStorage = Pick<
  Storage,
  "status" | "backup" | "backups" | "restore" | "checkpoint" | "checkpoints" | "rollback" | "drop" | "fork"
>;

export interface PanelServices {
  /** The stack's name. */
  readonly stack: string;
  readonly addresses: AllowedOrigins;
  readonly identify: Authenticate;
  /** The key of a panel on this machine. */
  readonly localKey?: LocalKey | undefined;
  /** Why an entry's repository is not to be cloned from this machine; undefined if it can be. */
  outsideRepo?(repo: string): string | undefined;
  readonly audit: Audit;
  /** Rights by the stack's settings, as they are now. @throws HttpProblem (503) if those are invalid */
  authority(): Authority;
  readonly urls: Pick<Urls, "browser" | "terminal">;
  readonly file: {
    read(): ProjectsSnapshot;
    /** Parses a text. @throws UserError if it is invalid on any stack */
    load(text: string): readonly Project[];
    /** Most projects that a person can own by a text. */
    perPerson(text: string): number;
    /** Checks a text on this stack. @throws UserError with all problems */
    readonly check: CheckText;
  };
  readonly operations: Operations;
  readonly containers: Containers;
  readonly usage: UsageSource;
  /** How much of its disk a project has used, where something limits it. Default: nothing does. */
  readonly disk?: { of(project: string): Usage | undefined };
  readonly logs: Logs;
  readonly control: Control;
  readonly sleep: SleepSource;
  readonly keeper: Pick<Keeper, "wake" | "sleep" | "history">;
  readonly rollbacks: Rollbacks;
  /** Asks a project's container to run its entry's setup again; returns the run's number. @throws UserError if it can't */
  readonly setups: { request(project: string): Promise<number> };
  /** When a project's sessions were last used, ISO 8601. */
  readonly activity: { of(project: string): string | undefined };
  /** Public half of a project's deploy key. */
  readonly deployKeys: { of(project: string): string | undefined };
  /** Whether values of secrets can be stored. Default: true. */
  readonly canSetSecrets?: boolean;
  /** Whether a workspace or home exists for a project, in projects.yaml or not. */
  hasWorkspace(project: string): Promise<boolean>;
  /** What a project without an entry left behind; undefined if it is nothing. */
  describeWorkspace(project: string): Promise<Left | undefined>;
  /** Sets that aside, if it is anything; returns what puts it back. */
  setAsideWorkspace(project: string): Promise<() => Promise<void>>;
  /** Deletes a project's workspace and home, after a last backup where those are set up. */
  deleteWorkspace(project: string, options?: DeleteOptions): Promise<void>;
  readonly storage: PanelStorage;
  /** Names of the secrets that a project has of its own. */
  secretNames(project: string): readonly string[];
  /** Whom the files of a new project belong to. */
  ownerOf(project: string): CopyOwner;
  /** What is wrong with a project's backups, as far as it is known. Default: nothing is known. */
  readonly backups?: { of(project: BackedUp): BackupNote | undefined };
  health(): Promise<Health>;
  /** All event streams. */
  readonly streams: Streams;
  /** The page, served next to the API. */
  readonly page?: Hono;
  /** Logs a defect. */
  report(error: unknown, requestId: string): void;
}
