/** What the panel's HTTP surface is made of: each part can be a real one or a test's. */
import type { Hono } from "hono";
import type { Urls } from "../../config/naming/urls.ts";
import type { StackAccess } from "../../config/projects/members.ts";
import type { Project } from "../../config/projects/project.ts";
import type { Control } from "../../operate/docker/control.ts";
import type { Logs } from "../../operate/docker/logs.ts";
import type { UsageSource } from "../../operate/docker/usage.ts";
import type { Containers } from "../../operate/docker/watch.ts";
import type { Audit } from "./access/audit.ts";
import type { AllowedOrigins } from "./access/guard.ts";
import type { Authenticate } from "./access/identity.ts";
import type { Health } from "./api/schema.ts";
import type { Streams } from "./api/sse.ts";
import type { CheckText, ProjectsSnapshot } from "./platform/projects-file.ts";
import type { Operations } from "./platform/types.ts";

export interface PanelServices {
  /** The stack's name. */
  readonly stack: string;
  readonly addresses: AllowedOrigins;
  readonly identify: Authenticate;
  readonly audit: Audit;
  /** Whom the stack lets in where a project names nobody. */
  readonly defaults: StackAccess;
  readonly urls: Pick<Urls, "browser" | "terminal">;
  readonly file: {
    read(): ProjectsSnapshot;
    /** The projects of a text. @throws UserError when it is wrong by itself */
    load(text: string): readonly Project[];
    /** Everything wrong with a text on this stack. @throws UserError */
    readonly check: CheckText;
  };
  readonly operations: Operations;
  readonly containers: Containers;
  readonly usage: UsageSource;
  readonly logs: Logs;
  readonly control: Control;
  /** When a project's sessions were last used, ISO 8601. */
  readonly activity: { of(project: string): string | undefined };
  /** Public half of a project's deploy key. */
  readonly deployKeys: { of(project: string): string | undefined };
  /** Whether a project has a workspace or a home, be it in projects.yaml or not. */
  hasWorkspace(project: string): Promise<boolean>;
  /** Deletes a project's workspace and home for good. */
  deleteWorkspace(project: string): Promise<void>;
  health(): Promise<Health>;
  /** All event streams. */
  readonly streams: Streams;
  /** The page, which is served beside the API. */
  readonly page?: Hono;
  /** Is told of defects: an error and the request's id. */
  report(error: unknown, requestId: string): void;
}
