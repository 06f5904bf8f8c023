/** Composes the panel from its real services: Docker, the stack, the gateway. */
import { rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { gatewayPrefix } from "../../components/proxy/gateway.ts";
import { readStackSettings } from "../../config/check.ts";
import { APPLIED_FILE, LOCAL_RUNTIME_DIR, makeNames, PANEL_OWN_DIR } from "../../config/naming/names.ts";
import { localUrls, publicUrls } from "../../config/naming/urls.ts";
import { examineProjects, type LoadedProjects, readOverlay } from "../../config/projects/load.ts";
import { perPersonOf } from "../../config/projects/normalise.ts";
import { PROJECTS_FILE } from "../../config/projects/overlay.ts";
import { releasesOf } from "../../config/projects/releases.ts";
import type { Settings } from "../../config/stack/settings.ts";
import { makeControl } from "../../operate/docker/control.ts";
import { DiskUsage } from "../../operate/docker/disk.ts";
import type { Engine } from "../../operate/docker/engine.ts";
import { LogHub } from "../../operate/docker/logs.ts";
import { requestSetup } from "../../operate/docker/setup.ts";
import { UsageWatch } from "../../operate/docker/usage.ts";
import { ContainerWatch } from "../../operate/docker/watch.ts";
import { root } from "../../operate/engine/checkout.ts";
import { readProjectOutputs } from "../../operate/engine/outputs.ts";
import type { Session } from "../../operate/engine/session.ts";
import { wakeFirst } from "../../operate/keeper/awake.ts";
import { makeKeeper } from "../../operate/keeper/client.ts";
import { KeeperWatch } from "../../operate/keeper/watch.ts";
import { makeStorage } from "../../operate/storage/client.ts";
import { backedUp } from "../../operate/storage/excluded.ts";
import { checkpointFirst } from "../../operate/storage/first.ts";
import { ownerOf } from "../../operate/storage/user.ts";
import { makePage } from "../page/serve.ts";
import { openAudit } from "./access/audit.ts";
import type { Authority } from "./access/authority.ts";
import { localAddresses, publicAddresses } from "./access/guard.ts";
import { type Authenticate, accessAuthentication, localUser } from "./access/identity.ts";
import { LocalKey } from "./access/local-key.ts";
import { authorityOf } from "./access/read-authority.ts";
import { outsideRepo } from "./access/repo-directories.ts";
import { TrustAudit } from "./access/trust-audit.ts";
import { homesOf, monitorActivity, notifierOf } from "./activity/monitor.ts";
import { checkHealth } from "./api/health.ts";
import { Streams } from "./api/sse.ts";
import { BackupsWatch } from "./backups-watch.ts";
import { DeployKeys, onOperationEnd } from "./deploy-keys.ts";
import type { PanelServices } from "./parts.ts";
import { dockerOver } from "./platform/docker-client.ts";
import { openPlatform } from "./platform/index.ts";
import { readApplied } from "./platform/pipeline.ts";
import { makeRollbacks } from "./rollbacks.ts";
import type { ServerSettings } from "./settings.ts";

/** Milliseconds after which a droplet's panel looks for commits of others, whose members and admins then count. */
const CATCH_UP_INTERVAL_MS = 30_000;
/** Milliseconds between two checks of the projects' activity: a look into each running project's database. */
const ACTIVITY_INTERVAL_MS = 60_000;

/** Milliseconds between two looks at the backups. */
const BACKUPS_INTERVAL_MS = 300_000;

/** The panel's services and their lifecycle. */
export interface ComposedPanel {
  readonly parts: PanelServices;
  /** Recovers interrupted operations. Call it once the panel listens. */
  start(): Promise<void>;
  /** Stops everything in order, a running update first. */
  stop(): Promise<void>;
}

export interface PanelContext {
  readonly session: Session;
  readonly settings: Settings;
  readonly panel: ServerSettings;
  readonly engine: Engine;
  report(error: unknown, requestId?: string): void;
}

/** Composes the panel. @throws UserError if another panel runs in the checkout */
export async function compose(context: PanelContext): Promise<ComposedPanel> {
  const { session, settings, panel, engine, report } = context;
  const names = makeNames(settings.namePrefix);
  const { production } = settings;
  const urls = production ? publicUrls(production) : localUrls(settings);
  const examine = loaderFor(session);
  const load = (text: string) => examine(text).projects;
  const docker = dockerOver(engine);
  const storage = makeStorage(docker, names.storage);
  const platform = openPlatform({
    session,
    isContainer: !session.isLocal,
    repository: panel.git,
    pipeline: panel.pipeline && { ...panel.pipeline, file: APPLIED },
    engine,
    prefix: settings.namePrefix,
    storage,
    // As they are by then: the checkout may have newer ones than when the panel began.
    hasBackups: () => readStackSettings(root, session.stack).backup !== undefined,
    load,
    report,
  });
  const containers = new ContainerWatch(engine, settings.namePrefix);
  const usage = new UsageWatch(engine, containers);
  const keeper = makeKeeper(docker, names.keeper);
  const sleep = new KeeperWatch(keeper, containers);
  const wake = (name: string) => wakeFirst({ run: docker, prefix: settings.namePrefix, keeper }, name);
  const audit = openAudit(join(root, LOCAL_RUNTIME_DIR, "panel", "audit.jsonl"));
  const trust = new TrustAudit({
    file: join(root, LOCAL_RUNTIME_DIR, "panel", "trusted.json"),
    containers,
    audit,
    report,
  });
  const keys = new DeployKeys(async () => (panel.pipeline ? appliedKeys() : readProjectOutputs(session)));
  const backups = new BackupsWatch({
    file: join(root, LOCAL_RUNTIME_DIR, "panel", "backups.json"),
    storage,
    projects: () => backedUp(load(platform.file.read().text)),
    notify: async (text) => void (await notifierOf(context)(text)),
    report,
  });
  const operations = onOperationEnd(platform.operations, () => {
    void keys.refresh().catch(report);
    void backups.look();
  });
  const activity = monitorActivity(context, {
    urls,
    projects: () => load(platform.file.read().text),
  });
  const streams = new Streams();
  const localKey = panel.access ? undefined : new LocalKey(panel.port);
  const keyFile = join(root, LOCAL_RUNTIME_DIR, "panel", "key");
  const directories = panel.repoDirectories ?? [dirname(root)];
  const authority = authorityOf(root, session.stack);
  await containers.start();
  const parts: PanelServices = {
    stack: session.stack,
    addresses: panel.access ? publicAddresses(panel.access.hostname) : localAddresses(panel.port),
    identify: await identity(panel, authority, localKey),
    localKey,
    ...(session.isLocal ? { outsideRepo: (repo) => outsideRepo(repo, root, directories) } : {}),
    audit,
    authority,
    urls,
    file: {
      read: () => platform.file.read(),
      load,
      perPerson: (text) => perPersonOf(examine(text).value),
      check: platform.check,
    },
    operations,
    containers,
    usage,
    disk: new DiskUsage(homesOf(context)),
    logs: new LogHub(engine, containers),
    control: makeControl({
      engine,
      keeper,
      containerOf: names.project,
      servicesOf: (project) => containers.servicesOf(project).map(({ name }) => name),
    }),
    sleep,
    keeper,
    rollbacks: makeRollbacks(docker, names.project, wake),
    setups: {
      request: async (name) => {
        await wake(name);
        await checkpointFirst(storage, name, "before-setup", report);
        return requestSetup(docker, name, names.project(name));
      },
    },
    activity,
    deployKeys: keys,
    canSetSecrets: panel.pipeline === undefined,
    hasWorkspace: (name) => platform.hasWorkspace(name),
    describeWorkspace: (name) => platform.describeWorkspace(name),
    setAsideWorkspace: (name) => platform.setAsideWorkspace(name),
    deleteWorkspace: (name, options) => platform.deleteWorkspace(name, options),
    storage,
    secretNames: (project) => platform.secretNames(project),
    ownerOf: (project) => ownerOf(session, project),
    backups,
    health: () =>
      checkHealth({
        containers,
        names,
        sleep,
        isLocal: session.isLocal,
        gatewayAnswers: async () => (await gatewayPrefix(settings.port)) === settings.namePrefix,
        checkFile: () => void load(platform.file.read().text),
        operations,
        notices: panel.idleDays === undefined ? undefined : activity,
      }),
    streams,
    page: makePage(),
    report,
  };
  // A checkout on this machine is a person's, which nothing moves but their own acts.
  const follow = session.isLocal ? undefined : keepCaughtUp(() => platform.catchUp(), report);
  return {
    parts,
    async start() {
      if (localKey) writeKey(keyFile, localKey.secret);
      await operations.recover();
      activity.start(ACTIVITY_INTERVAL_MS);
      backups.start(BACKUPS_INTERVAL_MS);
      trust.start();
      void keys.refresh().catch(() => undefined); // a stack that was never updated has no outputs
    },
    async stop() {
      rmSync(keyFile, { force: true });
      activity.close();
      backups.close();
      trust.close();
      follow?.close();
      await platform.close();
      streams.close();
      usage.close();
      sleep.close();
      containers.close();
      audit.close();
    },
  };
}

/** For programs of this person, which send it themselves. */
function writeKey(file: string, secret: string): void {
  rmSync(file, { force: true });
  writeFileSync(file, `${secret}\n`, { mode: 0o600, flag: "wx" });
}

/** Follows the branch. A failure is reported once, and not again until it is another. */
function keepCaughtUp(catchUp: () => Promise<void>, report: (error: unknown) => void): { close(): void } {
  let reported = "";
  const timer = setInterval(() => {
    void catchUp().then(
      () => {
        reported = "";
      },
      (error: unknown) => {
        if (String(error) !== reported) report(error);
        reported = String(error);
      },
    );
  }, CATCH_UP_INTERVAL_MS).unref();
  return { close: () => clearInterval(timer) };
}

/** Parses a projects.yaml, with the stack's own file laid over it. The result throws a UserError if it is invalid on any stack. */
const loaderFor =
  ({ stack }: Session) =>
  (text: string): LoadedProjects =>
    examineProjects(text, {
      file: PROJECTS_FILE,
      directory: root,
      stack,
      releases: releasesOf(stack, process.env),
      overlay: readOverlay(root, stack),
    });

async function identity(
  { access }: ServerSettings,
  authority: () => Authority,
  localKey: LocalKey | undefined,
): Promise<Authenticate> {
  if (access) return accessAuthentication({ ...access, admins: () => authority().admins });
  const person = await localUser(root);
  if (!localKey) throw new Error("a panel on this machine needs a key");
  return localKey.authenticate(person);
}

const APPLIED = join(PANEL_OWN_DIR, APPLIED_FILE);

/** What a pipeline's update has left of the projects' deploy keys. */
const appliedKeys = () =>
  Object.entries(readApplied(APPLIED)?.deployKeys ?? {}).map(([name, deployKey]) => ({ name, deployKey }));
