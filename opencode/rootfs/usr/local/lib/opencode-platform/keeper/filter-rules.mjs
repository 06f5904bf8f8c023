// What of Docker's API the filter lets through, and in which words: pure. A request is not passed on but made anew of what is known here, so that
// nothing of it that is not understood reaches Docker.
import { PLATFORM_LABEL, PROJECT_LABEL, SERVICE_LABEL } from "./names.mjs";
import { isStorageVerb } from "./storage-verbs.mjs";

const ASK = "/usr/local/lib/opencode-platform/keeper/ask";

/** `read`: the gateway, which finds its routes. `panel`: a panel that runs no updates, which starts and stops projects and runs commands in them. */
/** @typedef {"read" | "panel"} Access */
/** @typedef {{method: string, path: string, values: URLSearchParams, version: string}} Asked */

/** Of the gateway: it looks at all containers again after each of these. */
const ROUTE_EVENTS = ["start", "die", "health_status"];
const EVENTS = [
  ...ROUTE_EVENTS,
  ...["create", "stop", "restart", "destroy", "oom", "update", "rename", "pause", "unpause", "exec_die"],
];

/** A request that is not let through; Docker's clients show the sentence. */
export class Refused extends Error {
  constructor(message, status = 403) {
    super(message);
    this.status = status;
  }
}

const refuse = (message) => {
  throw new Refused(message);
};

/** Letters, digits and the signs of names alone: nothing is decoded, so nothing can mean another path to Docker than here. */
const TARGET = /^(?:\/(v1\.\d{1,2}))?((?:\/[A-Za-z0-9_][A-Za-z0-9_.-]*)+)(?:\?([^#]*))?$/;

/** @returns {Asked} @throws Refused for what is no plain path */
export function parse(method, target) {
  const [, version = "", path, query = ""] =
    TARGET.exec(target) ?? refuse("Docker's filter takes plain paths alone.");
  return { method, path, values: new URLSearchParams(query), version: version && `/${version}` };
}

const ROUTES = [
  { kind: "ping", access: "read", method: /^(GET|HEAD)$/, path: /^\/_ping$/, values: [] },
  { kind: "version", access: "read", method: /^GET$/, path: /^\/version$/, values: [] },
  {
    kind: "list",
    access: "read",
    method: /^GET$/,
    path: /^\/containers\/json$/,
    values: ["all", "filters", "limit", "size"],
  },
  {
    kind: "inspect",
    access: "read",
    method: /^GET$/,
    path: /^\/containers\/([^/]+)\/json$/,
    values: ["size"],
  },
  { kind: "events", access: "read", method: /^GET$/, path: /^\/events$/, values: ["filters"] },
  {
    kind: "logs",
    access: "panel",
    method: /^GET$/,
    path: /^\/containers\/([^/]+)\/logs$/,
    values: ["follow", "stdout", "stderr", "since", "until", "timestamps", "tail"],
  },
  {
    kind: "stats",
    access: "panel",
    method: /^GET$/,
    path: /^\/containers\/([^/]+)\/stats$/,
    values: ["stream", "one-shot"],
  },
  { kind: "start", access: "panel", method: /^POST$/, path: /^\/containers\/([^/]+)\/start$/, values: [] },
  {
    kind: "unpause",
    access: "panel",
    method: /^POST$/,
    path: /^\/containers\/([^/]+)\/unpause$/,
    values: [],
  },
  { kind: "stop", access: "panel", method: /^POST$/, path: /^\/containers\/([^/]+)\/stop$/, values: ["t"] },
  { kind: "exec", access: "panel", method: /^POST$/, path: /^\/containers\/([^/]+)\/exec$/, values: [] },
  { kind: "exec-start", access: "panel", method: /^POST$/, path: /^\/exec\/([^/]+)\/start$/, values: [] },
  { kind: "exec-inspect", access: "panel", method: /^GET$/, path: /^\/exec\/([^/]+)\/json$/, values: [] },
];

/**
 * What a request asks for.
 * @param {Access} access of the socket
 * @returns {Asked & {kind: string, id: string}}
 * @throws Refused
 */
export function planOf(method, target, access) {
  const asked = parse(method, target);
  const found = ROUTES.find((route) => route.method.test(method) && route.path.test(asked.path));
  if (!found || (found.access === "panel" && access !== "panel"))
    refuse(`${method} ${asked.path} is not let through by the platform's keeper.`);
  for (const name of asked.values.keys())
    if (!found.values.includes(name)) refuse(`"${name}" is not let through with ${asked.path}.`);
  return { ...asked, kind: found.kind, id: found.path.exec(asked.path)?.[1] ?? "" };
}

/** A number of one digit or more, or the word: all that Docker takes for these. */
const VALUE = /^(\d{1,12}(\.\d{1,9})?|true|false|all)$/;

/** The same values, written anew. `filters` is not among them. */
export function queryOf({ values }) {
  const kept = [...values].filter(([name]) => name !== "filters" && name !== "size");
  for (const [name, value] of kept)
    if (!VALUE.test(value)) refuse(`"${name}" has a value that is not let through.`);
  return new URLSearchParams(kept);
}

/** Values of one filter: a list, or a map of them to true. */
const valuesOf = (given) => (Array.isArray(given) ? given : Object.keys(given ?? {})).map(String);

/** Docker's filters, for the stack's own containers: those of the request that are known, and always the stack's label. */
function filtersOf({ values }, prefix, known) {
  const text = values.get("filters") || "{}";
  let given;
  try {
    given = JSON.parse(text);
  } catch {
    refuse("filters are no JSON.");
  }
  if (typeof given !== "object" || given === null || Array.isArray(given)) refuse("filters are no map.");
  for (const name of Object.keys(given))
    if (!known.includes(name)) refuse(`The filter "${name}" is not let through.`);
  const label = valuesOf(given.label).filter(
    (each) => each !== PLATFORM_LABEL && each !== `${PLATFORM_LABEL}=${prefix}`,
  );
  for (const each of label)
    if (!/^dev\.opencode-platform\.(project|service)(=[a-z0-9-]+)?$/.test(each))
      refuse("The filter by that label is not let through.");
  return { given, label: [`${PLATFORM_LABEL}=${prefix}`, ...label] };
}

/** The query of a list of containers. */
export function listQuery(asked, prefix) {
  const { label } = filtersOf(asked, prefix, ["label"]);
  const query = queryOf(asked);
  query.set("filters", JSON.stringify({ label }));
  return query;
}

/** The query of events. Those of the gateway are the few after which it looks at anything: each health check of each project is two others. */
export function eventsQuery(asked, prefix, access) {
  const { given, label } = filtersOf(asked, prefix, ["label", "type", "event"]);
  if (valuesOf(given.type).some((type) => type !== "container"))
    refuse("Only events of containers are let through.");
  const wanted = valuesOf(given.event);
  for (const event of wanted) if (!EVENTS.includes(event)) refuse(`The event "${event}" is not let through.`);
  const event = access === "read" ? ROUTE_EVENTS : wanted.length > 0 ? wanted : EVENTS;
  return new URLSearchParams({ filters: JSON.stringify({ type: ["container"], label, event }) });
}

const isNothing = (value) => !value || (typeof value === "object" && Object.keys(value).length === 0);

/** The body for a command in a container: its words and its output, and nothing of what else Docker can do with one. */
export function execBody(given) {
  if (typeof given !== "object" || given === null) refuse("A command needs a body in JSON.");
  const { Cmd, AttachStdout = false, AttachStderr = false, ...others } = given;
  for (const [name, value] of Object.entries(others))
    if (!isNothing(value)) refuse(`A command with "${name.slice(0, 40)}" is not let through.`);
  if (!Array.isArray(Cmd) || Cmd.length === 0 || !Cmd.every((word) => typeof word === "string"))
    refuse("A command is a list of words.");
  return { Cmd, AttachStdout: AttachStdout === true, AttachStderr: AttachStderr === true };
}

/** The body that starts it. */
export function execStartBody(given) {
  for (const [name, value] of Object.entries(given ?? {}))
    if (!isNothing(value)) refuse(`Starting a command with "${name.slice(0, 40)}" is not let through.`);
  return { Detach: false, Tty: false };
}

/**
 * Whether something can be done with a container of the stack. The platform's own are looked at alone: a command in this very keeper, say, would have
 * all of Docker, and one in the storage container all workspaces; what they are asked is a verb.
 * @param {{name: string, labels: Record<string, string>}} container
 * @throws Refused
 */
export function allow(kind, { name, labels }, { keeper, storage, words = [] }) {
  const isProject = Boolean(labels[PROJECT_LABEL]);
  if (["start", "stop", "unpause"].includes(kind) && !isProject) refuse(`${name} is not a project's.`);
  if (kind !== "exec" || (isProject && !labels[SERVICE_LABEL])) return;
  if (name === keeper && isQuestion(words)) return;
  if (storage !== undefined && name === storage && isStorageVerb(words)) return;
  refuse(`Commands run in the containers of projects alone, not in ${name}.`);
}

const isQuestion = ([program, verb = "", project = "", ...rest]) =>
  program === ASK &&
  /^(projects|history|wake|sleep|restart)$/.test(verb) &&
  /^[a-z0-9-]{0,63}$/.test(project) &&
  rest.length === 0;

const pick = (value, names) =>
  Object.fromEntries(names.flatMap((name) => (value?.[name] === undefined ? [] : [[name, value[name]]])));

/** The parts of `docker inspect` that are read by the gateway and the panel: no environment, no command, no path of the host. */
export function inspected(found, access) {
  const { State = {}, HostConfig, NetworkSettings, Config } = found;
  const { Health } = State;
  const health = Health && (access === "panel" ? Health : pick(Health, ["Status"]));
  const network = ["NetworkID", "IPAddress", "GlobalIPv6Address"];
  const limits = ["Memory", "MemorySwap", "NanoCpus", "CpuQuota", "CpuPeriod", "CpuShares", "PidsLimit"];
  return {
    ...pick(found, ["Id", "Name", "Created", "RestartCount", "Image", "Platform"]),
    State: { ...State, ...(health ? { Health: health } : {}) },
    Config: pick(Config, ["Labels", "Image", "Tty", "Hostname"]),
    HostConfig: pick(HostConfig, ["NetworkMode", ...limits]),
    NetworkSettings: {
      Ports: NetworkSettings?.Ports ?? {},
      Networks: Object.fromEntries(
        Object.entries(NetworkSettings?.Networks ?? {}).map(([name, value]) => [name, pick(value, network)]),
      ),
    },
  };
}

/** A line of a list of containers. */
export const listed = (found) =>
  pick(found, ["Id", "Names", "Image", "Created", "State", "Status", "Labels"]);

/** An event. Of its container's attributes only the name and the platform's labels: Docker adds whatever labels an image has. */
export function eventOf({ Type, Action, Actor, scope, time, timeNano }) {
  const attributes = ["name", "exitCode", PLATFORM_LABEL, PROJECT_LABEL, SERVICE_LABEL];
  const action = /^exec_die/.test(Action) ? "exec_die" : Action;
  return {
    ...{ Type, Action: action, status: action, id: Actor?.ID, scope, time, timeNano },
    Actor: { ID: Actor?.ID, Attributes: pick(Actor?.Attributes, attributes) },
  };
}

export const versionOf = (found) => ({
  ...pick(found, ["Version", "ApiVersion", "MinAPIVersion", "Os", "Arch", "KernelVersion"]),
  Components: [],
});

/** What a command has come to. */
export const execOf = (found) => pick(found, ["ID", "Running", "ExitCode", "ContainerID"]);
