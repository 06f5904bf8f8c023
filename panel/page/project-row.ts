/** A project's row in the list, updated in place so that focus and selection are kept. */
import { type CopyLine, copyLine } from "./copy.ts";
import { attribute, h, isWebAddress, setText } from "./dom.ts";
import { menuButton } from "./menu.ts";
import { meterElement } from "./meters.ts";
import type { ProjectState, ProjectView } from "./model.ts";
import { can } from "./permissions.ts";
import { type AddPort, portsElement } from "./ports.ts";
import { ago, bytes, cores, exactTime, howLong, releaseLabel, stateLabel } from "./words.ts";

/** Actions on a project. */
export interface RowActions {
  logs(project: ProjectView): void;
  start(project: ProjectView): void;
  stop(project: ProjectView): void;
  wake(project: ProjectView): void;
  sleep(project: ProjectView): void;
  history(project: ProjectView): void;
  edit(project: ProjectView): void;
  rollback(project: ProjectView): void;
  setup(project: ProjectView): void;
  login(project: ProjectView): void;
  backups(project: ProjectView): void;
  remove(project: ProjectView): void;
  addPort: AddPort;
}

export interface Row {
  readonly element: HTMLLIElement;
  set(project: ProjectView): void;
  /** Updates the times since the last activity, and of the state. */
  tick(now: number): void;
}

/** Whether a project runs or is about to, so that the menu has Stop instead of Start. */
export const isUp = ({ state }: Pick<ProjectView, "state">): boolean =>
  state !== "stopped" && state !== "pending";

/** States in which a project can be opened: one that sleeps wakes by that. */
const SERVES: readonly string[] = [
  "running",
  "setting-up",
  "starting",
  "unhealthy",
  "asleep",
  "waking",
  "falling-asleep",
  "waiting",
  "parked",
] satisfies ProjectState[];

/** States in which it can be woken, and put to sleep. */
const WAKES: readonly string[] = ["asleep", "falling-asleep", "waiting"] satisfies ProjectState[];
const SLEEPS: readonly string[] = ["running"] satisfies ProjectState[];

/** Whether its address can be opened. */
const isOpenable = ({ state, url }: ProjectView): boolean => SERVES.includes(state) && isWebAddress(url);

/** Whether there is a setup that can be run now. */
const hasSetup = (project: ProjectView): boolean =>
  project.hasSetup && isUp(project) && !["setting-up", "parked"].includes(project.state);

function menuItems(project: ProjectView, acts: RowActions) {
  const items = [
    { act: "logs", label: "Logs", run: acts.logs },
    { act: "history", label: "History", run: acts.history },
    ...(WAKES.includes(project.state) ? ([{ act: "wake", label: "Wake", run: acts.wake }] as const) : []),
    ...(SLEEPS.includes(project.state)
      ? ([{ act: "sleep", label: "Put to sleep", run: acts.sleep }] as const)
      : []),
    isUp(project)
      ? ({ act: "stop", label: "Stop", run: acts.stop } as const)
      : ({ act: "start", label: "Start", run: acts.start } as const),
    { act: "edit", label: "Edit", run: acts.edit },
    { act: "backups", label: "Backups, fork …", run: acts.backups },
    // Its container has the copies, and names the sessions.
    ...(isUp(project) && project.state !== "parked"
      ? ([{ act: "rollback", label: "Go back to an earlier opencode …", run: acts.rollback }] as const)
      : []),
    ...(hasSetup(project) ? ([{ act: "setup", label: "Run setup again", run: acts.setup }] as const) : []),
    ...(isOpenable(project)
      ? ([{ act: "login", label: "Finish a log-in ↗", run: acts.login }] as const)
      : []),
    { act: "delete", label: "Delete …", run: acts.remove, danger: true },
  ] as const;
  const withoutContainer = ["edit", "delete"];
  return items
    .filter(({ act }) => can(project, act) && (project.state !== "pending" || withoutContainer.includes(act)))
    .map(({ label, run, ...rest }) => ({ label, danger: "danger" in rest, act: () => run(project) }));
}

/** The state, with for how long it has been so where that is known, and its reason. */
function stateElement() {
  const symbol = h("span", { class: "symbol", "aria-hidden": "true" });
  const word = h("span", {});
  const time = h("time", {});
  const element = h("p", { class: "state" }, symbol, word, time);
  const reason = h("p", { class: "reason", hidden: true });
  let since: string | undefined;
  const tick = (now: number) => {
    setText(time, since === undefined ? "" : howLong(since, now));
    attribute(time, "datetime", since);
    attribute(time, "title", since && `since ${exactTime(since)}`);
    time.hidden = time.textContent === "";
  };
  return {
    element,
    reason,
    tick,
    set(project: ProjectView) {
      since = project.since;
      tick(Date.now());
      const words = stateLabel(project.state);
      setText(symbol, words.symbol);
      setText(word, words.word);
      attribute(element, "data-tone", words.tone);
      const text = [project.reason, project.backup?.problem].filter(Boolean).join("; ");
      setText(reason, text);
      attribute(reason, "data-tone", project.backup?.problem ? "bad" : words.tone);
      reason.hidden = text === "";
    },
  };
}

/** When the project was last used. */
function activityElement() {
  const time = h("time", {});
  const element = h("p", { class: "activity" }, h("span", { class: "label" }, "last used"), time);
  let at: string | undefined;
  const tick = (now: number) => {
    const words = at === undefined ? undefined : ago(at, now);
    setText(time, words ?? "not yet");
    attribute(time, "datetime", words && at);
    attribute(time, "title", words && at && exactTime(at));
  };
  return {
    element,
    tick,
    set(project: ProjectView) {
      at = project.lastActivity;
      tick(Date.now());
    },
  };
}

function links(name: string): Record<"url" | "attach" | "deployKey", CopyLine> {
  return {
    url: copyLine("url", `Copy the URL of ${name}`),
    attach: copyLine("attach", `Copy the attach command of ${name}`),
    deployKey: copyLine("deploy key", `Copy the deploy key of ${name}`),
  };
}

/** The row of a project. */
export function projectRow(first: ProjectView, acts: RowActions): Row {
  let now = first;
  const { name } = first;
  const state = stateElement();
  const activity = activityElement();
  const memory = meterElement("memory", bytes);
  const cpu = meterElement("cpu", cores);
  const disk = meterElement("disk", bytes);
  const lines = links(name);
  const ports = portsElement(acts.addPort);
  const repo = h("span", {});
  const owners = h("span", { class: "owners" });
  const release = h("p", { class: "release" });
  const updating = h("a", { class: "updating", hidden: true }, "updating");
  const open = h(
    "a",
    { class: "button", target: "_blank", rel: "noopener", "aria-label": `Open ${name}` },
    "Open ↗",
  );
  const start = h(
    "button",
    { type: "button", "aria-label": `Start ${name}`, onclick: () => acts.start(now) },
    "Start",
  );
  const logs = h(
    "button",
    { type: "button", "aria-label": `Logs of ${name}`, onclick: () => acts.logs(now) },
    "Logs",
  );
  const menu = menuButton(`More for ${name}`, () => menuItems(now, acts));
  const title = h("h3", { id: `project-${name}`, tabindex: "-1" }, name);
  const element = h(
    "li",
    {},
    h("div", { class: "row-head" }, title, state.element, release, updating),
    h("p", { class: "repo" }, repo, owners),
    h("div", { class: "row-use" }, memory.element, cpu.element, disk.element),
    activity.element,
    h("div", { class: "row-acts" }, open, start, logs, menu),
    state.reason,
    ports.element,
    h("div", { class: "row-links" }, lines.url.element, lines.attach.element, lines.deployKey.element),
  );
  return {
    element,
    tick(time) {
      activity.tick(time);
      state.tick(time);
    },
    set(project) {
      now = project;
      for (const part of [state, activity, ports]) part.set(project);
      setText(release, releaseLabel(project));
      memory.set(project.memory);
      cpu.set(project.cpu);
      disk.set(project.disk);
      const branch = project.branch ? ` # ${project.branch}` : "";
      setText(repo, project.repo ? `${project.repo}${branch}` : "no repository");
      setText(owners, project.owners.length > 0 ? ` · owned by ${project.owners.join(", ")}` : "");
      lines.url.set(project.url);
      lines.attach.set(project.attach);
      lines.deployKey.set(project.deployKey ?? "");
      lines.deployKey.element.hidden = !project.deployKey;
      const openable = isOpenable(project);
      attribute(open, "href", openable ? project.url : undefined);
      open.hidden = !openable;
      start.hidden = project.state !== "stopped" || !can(project, "start");
      logs.hidden = openable || project.state === "stopped" || project.state === "pending";
      updating.hidden = project.operation === undefined;
      attribute(updating, "href", project.operation && `#operation-${project.operation}`);
    },
  };
}
