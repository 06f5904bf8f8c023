/** Sets the monitor of projects' activity up, with where their homes are and where notices go. */
import { join } from "node:path";
import {
  homesDirectory,
  LOCAL_RUNTIME_DIR,
  PANEL_FILES_DIR,
  PANEL_HOMES_DIR,
} from "../../../config/naming/names.ts";
import type { Project } from "../../../config/projects/project.ts";
import { SETTINGS_NAMESPACE, type Settings, settingKey } from "../../../config/stack/settings.ts";
import { localWorkspaces } from "../../../config/stack/workspaces-dir.ts";
import { readOptional } from "../../../config/text/read-optional.ts";
import { root } from "../../../operate/engine/checkout.ts";
import { pulumi } from "../../../operate/engine/pulumi.ts";
import type { Session } from "../../../operate/engine/session.ts";
import { sendWebhook } from "../../../operate/notify/webhook.ts";
import { ActivityReader } from "../../../operate/opencode/activity.ts";
import type { ServerSettings } from "../settings.ts";
import { ActivityMonitor } from "./watch.ts";

const WEBHOOK = join(PANEL_FILES_DIR, "webhook");

/** Where the panel runs. */
interface Place {
  readonly session: Session;
  readonly settings: Settings;
}

interface Monitoring extends Place {
  readonly panel: ServerSettings;
  report(error: unknown): void;
}

interface Watching {
  readonly urls: { hostname(project: string): string; browser(project: string): string };
  projects(): readonly Pick<Project, "name" | "state" | "opencode">[];
}

/** The directory of all projects' homes, as this process has it. */
export const homesOf = ({ session, settings }: Place): string =>
  session.isLocal ? homesDirectory(localWorkspaces(settings, root).path) : PANEL_HOMES_DIR;

/** Monitors when projects are used. */
export function monitorActivity(
  { session, settings, panel, report }: Monitoring,
  watching: Watching,
): ActivityMonitor {
  const { urls } = watching;
  const homes = homesOf({ session, settings });
  const reader = new ActivityReader();
  const send = notifierOf({ session, panel });
  return new ActivityMonitor({
    file: join(root, LOCAL_RUNTIME_DIR, "panel", "activity.json"),
    projects: () =>
      watching.projects().map(({ name, state, opencode }) => ({
        name,
        version: opencode.version,
        // From the entry: a container that is down briefly, as after a reboot, does not reset the idle time.
        isRunning: state === "running",
        url: urls.browser(name),
      })),
    fetchActivity: (project, version) => reader.lastActivity(join(homes, project), version),
    idleDays: panel.idleDays,
    notify: async (text) => {
      if (!(await send(text)))
        throw new Error(`${SETTINGS_NAMESPACE}:panelWebhook is not set; undelivered notice: ${text}`);
    },
    report,
  });
}

/** Sends a notice to the stack's webhook; its result is whether there is one. */
export const notifierOf =
  ({ session, panel }: Pick<Monitoring, "session" | "panel">) =>
  async (text: string): Promise<boolean> => {
    const webhook = await readWebhook(session, panel);
    if (webhook) await sendWebhook(webhook, text);
    return Boolean(webhook);
  };

/** The webhook's address, read for each notice and not kept in memory. */
async function readWebhook(session: Session, { pipeline }: ServerSettings): Promise<string | undefined> {
  if (pipeline) return readOptional(WEBHOOK)?.trim() || undefined;
  const key = settingKey("panelWebhook");
  const { code, stdout } = await pulumi(["config", "get", key, "--stack", session.reference], { session });
  return code === 0 ? stdout.trim() || undefined : undefined;
}
