// A command in a container, and what a container has written, over Docker's API: both come in frames of eight bytes and what is in them.

/** Of what is read. Bytes. */
const LONGEST = 256 * 1024;

/** The text of frames, of both streams as they came; a frame that is not whole counts as far as it goes. @param {Buffer} buffer */
export function textOfFrames(buffer) {
  const parts = [];
  for (let at = 0; at + 8 <= buffer.length; ) {
    const size = buffer.readUInt32BE(at + 4);
    parts.push(buffer.subarray(at + 8, at + 8 + size));
    at += 8 + size;
  }
  return Buffer.concat(parts).toString("utf8");
}

/** What a terminal would act on: of escape sequences the sign they begin with is a control character. As in config/text/plain.ts. */
const SEQUENCES = new RegExp(
  [
    "(?:\\u001b\\[|\\u009b)[0-?]*[ -/]*[@-~]",
    "\\u001b\\][^\\u0007\\u001b\\n]*(?:\\u0007|\\u001b\\\\)",
    "\\u001b[ -/]*[0-~]",
  ].join("|"),
  "g",
);
const CONTROLS = /(?![\t\n])\p{Cc}|[\p{Bidi_Control}\u2028\u2029]/gu;
export const plain = (text) => text.replace(SEQUENCES, "").replace(CONTROLS, "");

async function read(response) {
  const parts = [];
  let size = 0;
  for await (const part of response) {
    size += part.length;
    parts.push(part);
    // Leaving the loop closes the connection.
    if (size > LONGEST) break;
  }
  return Buffer.concat(parts);
}

/**
 * Runs a command as the container's user.
 * @param {import("./docker.mjs").Docker} docker
 * @param {readonly string[]} words
 * @returns {Promise<{code: number | null, text: string}>} what it has written, on both streams
 */
export async function runIn(docker, id, words, { timeoutMs = 10_000 } = {}) {
  const body = { Cmd: words, AttachStdout: true, AttachStderr: true };
  const { Id } = await docker.post(`/containers/${id}/exec`, {}, body, { timeoutMs });
  const signal = AbortSignal.timeout(timeoutMs);
  const start = { body: { Detach: false, Tty: false }, timeoutMs: 0, own: true, signal };
  const answer = await docker.open("POST", `/exec/${Id}/start`, start);
  const output = await read(answer);
  if ((answer.statusCode ?? 0) >= 300) throw new Error(output.toString("utf8").trim());
  const text = textOfFrames(output);
  const { ExitCode } = await docker.get(`/exec/${Id}/json`);
  return { code: ExitCode, text };
}

/** The last lines of a container's log. @param {import("./docker.mjs").Docker} docker */
export async function lastLines(docker, id, lines, { timeoutMs = 10_000 } = {}) {
  const path = `/containers/${id}/logs?stdout=true&stderr=true&tail=${lines}`;
  const options = { timeoutMs: 0, own: true, signal: AbortSignal.timeout(timeoutMs) };
  return plain(textOfFrames(await read(await docker.open("GET", path, options))))
    .split("\n")
    .filter((line) => line.trim())
    .slice(-lines);
}
