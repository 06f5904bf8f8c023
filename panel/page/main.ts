/** The panel's page: connects its parts to the API. */
import { toast } from "./announce.ts";
import { change, paths, putToSleep, runSetup, start, stop, wake } from "./api.ts";
import { showConnection, watchLogin } from "./banner.ts";
import { openDelete } from "./delete.ts";
import { byId, setText } from "./dom.ts";
import { Stream } from "./events.ts";
import { openForm } from "./form.ts";
import { onKeys } from "./keys.ts";
import { openLogs } from "./logs.ts";
import type { Operation, Overview, ProjectView } from "./model.ts";
import { OperationList } from "./operations.ts";
import { ProjectList } from "./projects.ts";
import { themeButton } from "./theme.ts";

const operations = new OperationList();
const list = new ProjectList(
  {
    logs: ({ name }) => openLogs(name),
    start: (project) => void act(project, start, "Starting"),
    stop: (project) => void act(project, stop, "Stopping"),
    wake: ({ name }) => void keep(() => wake(name), `Waking ${name} …`, `${name} is awake`),
    sleep: ({ name }) => void keep(() => putToSleep(name), `Putting ${name} to sleep …`, `${name} is asleep`),
    history: ({ name }) => void loaded(import("./history.ts"), ({ openHistory }) => openHistory(name)),
    edit: openEdit,
    backups: ({ name }) =>
      void loaded(import("./backups.ts"), ({ openBackups }) => openBackups(name, onSubmitted)),
    rollback: ({ name }) =>
      void loaded(import("./rollback.ts"), ({ openRollback }) => openRollback(name, onSubmitted)),
    // The page of the project's own hostname to which the address is pasted that the log-in's redirect has led to.
    login: ({ url }) => void window.open(new URL("_platform/callback", url), "_blank", "noopener"),
    setup: ({ name }) => void attempt(() => runSetup(name), `Running the setup of ${name}`),
    remove: ({ name }) => openDelete(name, onSubmitted),
    addPort: (project, port) =>
      void act(project, (name) => addPort(name, project, port), `Adding port ${port} to`),
  },
  openNew,
);

/** Few people open these, and not often: each is loaded when somebody does. */
async function loaded<Part>(part: Promise<Part>, open: (part: Part) => void): Promise<void> {
  try {
    open(await part);
  } catch {
    toast("This can't be loaded. The panel may have another release by now: reload the page.");
  }
}

function onSubmitted(operation: Operation): void {
  operations.begun(operation);
}

async function act(
  { name }: ProjectView,
  call: (name: string) => Promise<Operation>,
  doing: string,
): Promise<void> {
  const operation = await attempt(() => call(name), `${doing} ${name}`);
  if (operation) onSubmitted(operation);
}

/** Shows that something begins, which takes a moment, and how it ended. */
async function keep(call: () => Promise<unknown>, doing: string, done: string): Promise<void> {
  toast(doing);
  await attempt(call, done);
}

/** Shows that a call was accepted, or why it was not. */
async function attempt<Result>(call: () => Promise<Result>, accepted: string): Promise<Result | undefined> {
  try {
    const result = await call();
    toast(accepted);
    return result;
  } catch (error) {
    toast(error instanceof Error ? error.message : String(error));
    return undefined;
  }
}

/** @throws Error if the file has changed since the list was sent, as for any change */
function addPort(name: string, project: ProjectView, port: number): Promise<Operation> {
  // Where the entry lists none, its repository's devcontainer.json may.
  const ports = Array.isArray(project.entry.ports) ? project.entry.ports : project.ports.map(asWritten);
  return change(name, { ports: [...ports, port] }, {}, list.overview?.version ?? "");
}

const asWritten = ({ port, label }: ProjectView["ports"][number]) =>
  label === String(port) ? port : { port, name: label };

function openNew(): void {
  if (!list.overview?.me.create) return;
  const { me, stack } = list.overview;
  openForm({ me, stack, onSubmitted });
}

function openEdit({ name }: ProjectView): void {
  const project = list.find(name);
  if (!list.overview || !project) return;
  const { me, stack, version } = list.overview;
  openForm({ me, stack, edited: { entry: project.entry, version }, onSubmitted });
}

function onOverview(overview: Overview): void {
  const hasNew = overview.projects.some(
    ({ operation }) => operation && !document.getElementById(`operation-${operation}`),
  );
  list.set(overview);
  setText(byId("stack"), overview.stack);
  setText(byId("me"), overview.me.email);
  document.title = `${overview.stack} · opencode platform`;
  if (hasNew || operations.underWay) void operations.refresh();
}

themeButton(byId<HTMLButtonElement>("theme"));
byId("new").addEventListener("click", openNew);
onKeys({ n: openNew, "/": () => byId("filter").focus() }, byId<HTMLButtonElement>("keys"));
const live = new Stream(paths.projects, {
  on: { projects: (data) => onOverview(data as Overview) },
  state: (connection) => showConnection(connection, () => live.retry()),
});
watchLogin(() => live.retry());
void operations.refresh();
