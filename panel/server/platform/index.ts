import { chmodSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { checkProjectsText } from "../../../config/check.ts";
import { fail, UserError } from "../../../config/errors.ts";
import { LOCAL_RUNTIME_DIR, PANEL_WORKSPACES_DIR } from "../../../config/naming/names.ts";
import { readOverlay } from "../../../config/projects/load.ts";
import { overlaidIn } from "../../../config/projects/overlaid.ts";
import { PROJECTS_FILE } from "../../../config/projects/overlay.ts";
import type { Project } from "../../../config/projects/project.ts";
import type { Engine } from "../../../operate/docker/engine.ts";
import { root } from "../../../operate/engine/checkout.ts";
import { prepareStack } from "../../../operate/engine/prepare.ts";
import { pulumi } from "../../../operate/engine/pulumi.ts";
import type { Session } from "../../../operate/engine/session.ts";
import { makeUpdate } from "../../../operate/engine/update.ts";
import { acquireLock, isHeld } from "../../../operate/files/lock-file.ts";
import type { Progress, Storage } from "../../../operate/storage/client.ts";
import { deleteWithLastBackup } from "../../../operate/storage/last-backup.ts";
import { describeLeft, isLeft, type Left, setAside, untilUnused } from "../../../operate/workspaces/left.ts";
import { mountedPlace, placeOf } from "../../../operate/workspaces/place.ts";
import { makeApplyChange } from "./change.ts";
import { dockerOver } from "./docker-client.ts";
import { OperationQueue } from "./operations.ts";
import { type PipelineParts, waitForPipeline } from "./pipeline.ts";
import { type CheckText, entryOf, ProjectsFile } from "./projects-file.ts";
import { makeReleases } from "./releases.ts";
import { Repository, type RepositorySettings } from "./repository.ts";
import { keylessStore, pulumiStore, type RunPulumi, StackSecrets } from "./secrets.ts";
import { Conflict, type OperationRequest, type Operations, type Report, type WhileOpen } from "./types.ts";

export { type CheckText, ProjectsFile } from "./projects-file.ts";
export type { RepositorySettings } from "./repository.ts";
export * from "./types.ts";

/** Number of secret values kept in memory, to redact them in an update's messages. */
const MAX_TRACKED_SECRETS = 200;

export interface PlatformSettings {
  /** The stack's session. */
  readonly session: Session;
  /** Whether this process runs in the stack's panel container. Default: false. */
  readonly isContainer?: boolean;
  /** Where changes are pushed. Default: not pushed. */
  readonly repository?: RepositorySettings | undefined;
  /** Where a pipeline applies what is pushed: what its updates leave, and the page that shows it. Default: this process runs updates. */
  readonly pipeline?: Pick<PipelineParts, "file" | "page"> | undefined;
  /** The Docker that projects run on, in which changes of their releases are followed. */
  readonly engine: Engine;
  /** The stack's prefix of names. */
  readonly prefix: string;
  /** Takes a last backup before a workspace is deleted. */
  readonly storage: Pick<Storage, "status" | "backup" | "forget">;
  /** Whether the stack's settings say where backups go. @throws UserError if they are invalid */
  readonly hasBackups: () => boolean;
  /** Parses a projects.yaml. @throws UserError if it is invalid on any stack */
  readonly load: (text: string) => readonly Project[];
  /** Reports errors that belong to no request. Default: ignored. */
  readonly report?: (error: unknown) => void;
}

export interface DeleteOptions {
  /** Whether no last backup is taken. Default: false. */
  readonly withoutBackup?: boolean;
  readonly report?: Report;
  /** Waits for the last backup, which goes on without the panel. Default: waits until its end. */
  readonly whileOpen?: WhileOpen;
}

/** The stack side of the panel. */
export interface Platform {
  readonly file: ProjectsFile;
  /** Checks a text as `file` would, before it is written. */
  readonly check: CheckText;
  readonly operations: Operations;
  /** Whether a project has a workspace or home. @throws UserError if its droplet is not responding */
  hasWorkspace(name: string): Promise<boolean>;
  /** What a project without an entry left behind; undefined if it is nothing. @throws UserError if its droplet is not responding */
  describeWorkspace(name: string): Promise<Left | undefined>;
  /** Sets that aside, if it is anything; returns what puts it back. @throws UserError; nothing is changed then */
  setAsideWorkspace(name: string): Promise<() => Promise<void>>;
  /**
   * Deletes a removed project's folders: for a removal's `afterwards`. Where backups are set up a last one is taken first.
   * @throws UserError if that fails, or the deletion; Conflict if the branch has the project again; ShuttingDown if the panel ends before the backup does
   */
  deleteWorkspace(name: string, options?: DeleteOptions): Promise<void>;
  /** Names of the secrets that a project has of its own. */
  secretNames(project: string): readonly string[];
  /** Brings the checkout to the newest commit of its branch, if changes are pushed. @throws as `Repository.catchUp` */
  catchUp(): Promise<void>;
  /** Closes `operations` and releases the checkout's lock. */
  close(): Promise<void>;
}

/**
 * Opens the stack side on this checkout. Call `operations.recover()` once everything else is ready.
 * @throws UserError if another panel runs in the checkout
 */
export function openPlatform({
  session,
  isContainer = false,
  repository,
  pipeline,
  engine,
  prefix,
  storage,
  hasBackups,
  load,
  report,
}: PlatformSettings): Platform {
  const directory = join(root, LOCAL_RUNTIME_DIR, "panel");
  const release = claim(directory);
  const check: CheckText = (text, given) => checkProjectsText(root, session.stack, text, given);
  const file = new ProjectsFile(join(root, PROJECTS_FILE), check, () => readOverlay(root, session.stack));
  const store = pipeline
    ? keylessStore(join(root, `Pulumi.${session.stack}.yaml`), session.stack)
    : pulumiStore(runnerOf(session));
  const secrets = new StackSecrets(root, session.stack, store);
  const pushed = repository && new Repository(root, session.stack, repository, { file, check });
  const remembered: string[] = [];
  const apply = makeApplyChange({ file, secrets, repository: pushed });
  const operations = new OperationQueue({
    directory,
    apply: (request) => {
      trackSecrets(remembered, request);
      return apply(request);
    },
    ...(pushed ? { catchUp: () => pushed.catchUp() } : {}),
    update:
      pipeline && pushed
        ? waitForPipeline({ ...pipeline, repository: pushed })
        : makeUpdate(session, {
            isContainer,
            countEntries: () => file.read().entries.length,
            secretValues: () => remembered,
          }),
    isElsewhere: pipeline !== undefined,
    releases: makeReleases(engine, prefix, (project) => releaseOf(load, file, project)),
    ...(report ? { report } : {}),
  });
  // Without the state nobody knows the droplet, but this is it.
  const mounted =
    pipeline &&
    mountedPlace(session, { directory: PANEL_WORKSPACES_DIR, docker: dockerOver(engine), prefix });
  const findPlace = async () => mounted ?? (await placeOf(session));
  const close = async () => {
    await operations.close();
    release();
  };
  return {
    file,
    check,
    operations,
    async hasWorkspace(name) {
      const place = await findPlace();
      return place !== undefined && isLeft(place, name);
    },
    async describeWorkspace(name) {
      const place = await findPlace();
      return place && describeLeft(place, name);
    },
    async setAsideWorkspace(name) {
      const place = await findPlace();
      if (!place || !(await isLeft(place, name))) return async () => {};
      return (await setAside(place, name)).putBack;
    },
    async deleteWorkspace(name, { withoutBackup = false, report: tell = () => {}, whileOpen } = {}) {
      const assertRemoved = async () => {
        await operations.catchUp();
        const { text, overlay } = file.read();
        if (entryOf(text, name) !== undefined || overlaidIn(overlay, name)?.entry)
          throw new Conflict(`The workspace of ${name} was kept: projects.yaml has that project again`);
      };
      await assertRemoved();
      const place = await findPlace();
      if (!place) return fail("conflict", `workspace of ${name}`, "not found: the stack has no droplet");
      // A pipeline's update has left its commit before it removes containers.
      if (mounted) await untilUnused(mounted, name);
      await deleteWithLastBackup(place, name, {
        storage,
        withoutBackup,
        without: `npm run purge -- ${name} --without-backup${place.stackFlag}`,
        isSetUp: hasBackups,
        onProgress: ({ step, percent }: Progress) => tell(step, percent),
        tell,
        assertStill: assertRemoved,
        ...(whileOpen ? { whileOpen } : {}),
      });
    },
    secretNames: (project) => secrets.names(project),
    catchUp: () => operations.catchUp(),
    close,
  };
}

/** Runs the Pulumi CLI on a stack. */
const runnerOf =
  (session: Session): RunPulumi =>
  async (args, input) => {
    await prepareStack(session);
    const all = [...args, "--stack", session.reference, "--non-interactive", "--color=never"];
    return pulumi(all, { session, ...(input === undefined ? {} : { input }), timeoutMs: 60_000 });
  };

/** A project's release in projects.yaml; undefined for an unknown project or an invalid file. */
function releaseOf(load: PlatformSettings["load"], file: ProjectsFile, project: string): string | undefined {
  try {
    return load(file.read().text).find(({ name }) => name === project)?.opencode.version;
  } catch (error) {
    if (error instanceof UserError) return undefined;
    throw error;
  }
}

/** Locks the checkout: one panel at a time. */
function claim(directory: string): () => void {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  chmodSync(directory, 0o700);
  const lock = acquireLock(join(directory, "lock"));
  if (isHeld(lock)) return () => lock.release();
  const holder = `process ${lock.pid} on ${lock.hostname}`;
  return fail(
    "conflict",
    "panel",
    `already running in this checkout: ${holder}`,
    `use that one, or stop it: kill ${lock.pid}`,
  );
}

function trackSecrets(values: string[], { secrets = {} }: OperationRequest): void {
  values.push(...Object.values(secrets));
  values.splice(0, values.length - MAX_TRACKED_SECRETS);
}
