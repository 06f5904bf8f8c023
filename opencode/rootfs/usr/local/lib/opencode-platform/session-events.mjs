// What opencode's events say about sessions: who works, who waits for an answer, and that something went on. Both majors, as of 1.18 and 2.0.

/** Of sessions, but nobody's doing: somebody's page shows one. */
const LOOKING = /^session\.(viewed|list|tab\b)/;
const DOING = /^(session|message|permission|question|form|todo|command|pty|shell)\./;
/** A log-in: that of an MCP server begins by a browser that the container has not. */
const LOGGING_IN = /^(mcp\.browser\.open\.failed|integration\.connection\.\w+|credential\.\w+)$/;

/** 2.x: a session that runs. */
const STARTED = ["session.execution.started"];
const ENDED = ["session.execution.succeeded", "session.execution.failed", "session.execution.interrupted"];
const ASKED = ["permission.asked", "question.asked", "form.created"];
const ANSWERED = [
  "permission.replied",
  "question.replied",
  "question.rejected",
  "form.replied",
  "form.cancelled",
];
const ENDED_ALL = ["server.instance.disposed", "global.disposed"];

/**
 * An event that is too long to be read whole: what it begins with says enough.
 * @param {string} text
 */
function readBeginning(text) {
  const [, directory] = /^\{"directory":"([^"\\]*)"/.exec(text) ?? [];
  const [, type] = /"type":"([a-z]+(?:\.[a-z]+)+)"/.exec(text) ?? [];
  const [, sessionID] = /"sessionID":"(ses_\w+)"/.exec(text) ?? [];
  const [, id] = /"(?:properties|data)":\{"id":"(\w+)"/.exec(text) ?? [];
  return { directory, type, data: { sessionID, id } };
}

/**
 * @param {string} text the data of an event; its beginning, where it is too long
 * @returns {{type: string, directory: string, data: any} | undefined}
 */
export function readEvent(text) {
  let event;
  try {
    const whole = JSON.parse(text);
    const { type, properties, data } = whole.payload ?? whole;
    event = { type, directory: whole.directory ?? whole.location?.directory, data: properties ?? data };
  } catch {
    event = readBeginning(text);
  }
  const { type, directory = "", data } = event;
  return typeof type === "string" && typeof data === "object" && data !== null
    ? { type, directory, data }
    : undefined;
}

/** What is known of the sessions: ids of those that work with their directories, requests that wait with their sessions, and parents of subagents. */
export const noSessions = () => ({ busy: {}, pending: {}, parents: {} });

/**
 * A session that works no more waits for nothing either: 2.x says nothing of a request whose session somebody has stopped.
 * @param {ReturnType<typeof noSessions>} state
 */
function rest(state, session) {
  delete state.busy[session];
  for (const [id, request] of Object.entries(state.pending))
    if (request.session === session) delete state.pending[id];
}

/**
 * Changes what is known by an event.
 * @param {ReturnType<typeof noSessions>} state
 * @returns {boolean} whether the event is somebody's doing, or an agent's
 */
export function apply(state, { type, directory, data }) {
  const session = data.sessionID ?? data.info?.id;
  const request = data.requestID ?? data.formID ?? data.form?.id ?? data.permissionID ?? data.id;
  if (ENDED_ALL.includes(type)) {
    for (const [id, at] of Object.entries(state.busy))
      if (type === "global.disposed" || at === (data.directory ?? directory)) rest(state, id);
    for (const [id, { at }] of Object.entries(state.pending))
      if (type === "global.disposed" || at === (data.directory ?? directory)) delete state.pending[id];
    return false;
  }
  if (type === "session.status" || type === "session.idle") {
    const kind = data.status?.type ?? "idle";
    if (kind === "idle") rest(state, session);
    else state.busy[session] = directory;
  } else if (STARTED.includes(type)) state.busy[session] = directory;
  else if (ENDED.includes(type)) rest(state, session);
  else if (ASKED.includes(type)) {
    const of = session ?? data.form?.sessionID;
    if (request && of) state.pending[request] = { session: of, at: directory };
  } else if (ANSWERED.includes(type)) delete state.pending[request];
  else if (type === "session.deleted") rest(state, session);
  else if (type === "session.created" || type === "session.updated") {
    const parent = data.info?.parentID ?? data.parentID;
    if (typeof parent === "string") state.parents[session] = parent;
  }
  return LOGGING_IN.test(type) || (DOING.test(type) && !LOOKING.test(type));
}

/** A session and those that it works for. */
function* lineOf(session, parents) {
  const seen = new Set();
  for (let id = session; id !== undefined && !seen.has(id); id = parents[id]) {
    seen.add(id);
    yield id;
  }
}

/** A session whose request nobody has answered works no more, nor does one whose subagent waits. */
export function counts({ busy, pending, parents }) {
  const waiting = new Set(Object.values(pending).map(({ session }) => session));
  const held = new Set([...waiting].flatMap((id) => [...lineOf(id, parents)]));
  return { busy: Object.keys(busy).filter((id) => !held.has(id)).length, pending: waiting.size };
}

/** Sessions whose parents are kept, though they don't work yet: the event of a subagent's start is followed by that of its work. */
const NEW = 50;

/** Keeps parents of sessions that work, wait or are new, and theirs: what is known stays small however many sessions there are. */
export function prune({ busy, pending, parents }) {
  const live = [...Object.keys(busy), ...Object.values(pending).map(({ session }) => session)];
  const kept = new Set(
    [...live, ...Object.keys(parents).slice(-NEW)].flatMap((id) => [...lineOf(id, parents)]),
  );
  for (const id of Object.keys(parents)) if (!kept.has(id)) delete parents[id];
}
