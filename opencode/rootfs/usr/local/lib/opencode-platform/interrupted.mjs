// Before a server of opencode 1.x starts: what a crash has cut off is noted as interrupted in its database, which 1.x leaves as "running" for ever. (2.x
// does so itself with the session's next prompt.) While no server has it open.
import { existsSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";

const [file = ""] = process.argv.slice(2);
/** What is older was there before, and people have seen it. Milliseconds. */
const AGE_MS = 30 * 24 * 3_600_000;
const TEXT = "Interrupted: opencode was ended while this ran.";

/** Tools that run, and messages that have not ended. */
function cutOff(database, now) {
  const since = now - AGE_MS;
  const tools = database
    .prepare(
      `SELECT id, message_id, data FROM part WHERE time_updated > ? AND json_extract(data, '$.type') = 'tool'
        AND json_extract(data, '$.state.status') IN ('running', 'pending')`,
    )
    .all(since);
  const open = database
    .prepare(
      `SELECT id, data FROM message WHERE time_updated > ? AND json_extract(data, '$.role') = 'assistant'
        AND json_extract(data, '$.time.completed') IS NULL`,
    )
    .all(since);
  return { tools, open };
}

/** Marks tools that run, and the messages that they are in; returns how many messages. */
export function markInterrupted(database, now = Date.now()) {
  const { tools, open } = cutOff(database, now);
  const setPart = database.prepare("UPDATE part SET data = ? WHERE id = ?");
  const setMessage = database.prepare("UPDATE message SET data = ? WHERE id = ?");
  database.exec("BEGIN IMMEDIATE");
  for (const { id, data } of tools) {
    const part = JSON.parse(data);
    const { input = {}, metadata, time } = part.state;
    part.state = {
      status: "error",
      input,
      error: TEXT,
      ...(metadata ? { metadata } : {}),
      time: { start: now, ...time, end: now },
    };
    setPart.run(JSON.stringify(part), id);
  }
  for (const { id, data } of open) {
    const message = JSON.parse(data);
    message.time = { ...message.time, completed: now };
    message.error ??= { name: "MessageAbortedError", data: { message: TEXT } };
    setMessage.run(JSON.stringify(message), id);
  }
  database.exec("COMMIT");
  return open.length;
}

/**
 * The same in a file, which is opened for writing only if there is something to write: who closes that empties the journal into the database and
 * removes it, and a server on a full disk has no room for another, without which it can't even read.
 */
export function markInterruptedIn(path, now = Date.now()) {
  const looked = new DatabaseSync(path, { readOnly: true });
  const { tools, open } = cutOff(looked, now);
  looked.close();
  if (tools.length + open.length === 0) return 0;
  const database = new DatabaseSync(path);
  try {
    return markInterrupted(database, now);
  } finally {
    database.close();
  }
}

if (existsSync(file)) {
  const count = markInterruptedIn(file);
  if (count > 0) console.log(`[entrypoint] ${count} answers were interrupted`);
}
