/** Parses Docker's log stream: frames of stdout and stderr, with a timestamp on each line. */
import { plainText } from "../../config/text/plain.ts";
import type { LogLine } from "./types.ts";

/** Longest line that is kept, in characters. */
const LONGEST = 16_384;
const HEADER = 8;

type Chunks = AsyncIterable<Buffer> | Iterable<Buffer>;
type StreamName = "stdout" | "stderr";

/** Reads the frames of a stream. A container with a terminal has one stream without frames. */
export async function* readFrames(
  chunks: Chunks,
  isTty: boolean,
): AsyncIterable<{ stream: StreamName; data: Buffer }> {
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of chunks) {
    if (isTty) {
      yield { stream: "stdout", data: chunk };
      continue;
    }
    rest = rest.length > 0 ? Buffer.concat([rest, chunk]) : chunk;
    while (rest.length >= HEADER) {
      const end = HEADER + rest.readUInt32BE(4);
      if (rest.length < end) break;
      yield { stream: rest[0] === 2 ? "stderr" : "stdout", data: rest.subarray(HEADER, end) };
      rest = rest.subarray(end);
    }
  }
}

/** Reads the lines of a stream with their timestamps, as plain text. */
export async function* readLines(chunks: Chunks, isTty: boolean): AsyncIterable<LogLine> {
  const rests = new Map<StreamName, Buffer>();
  for await (const { stream, data } of readFrames(chunks, isTty)) {
    let rest = Buffer.concat([rests.get(stream) ?? Buffer.alloc(0), data]);
    for (let end = rest.indexOf(10); end >= 0; end = rest.indexOf(10)) {
      yield parseLine(stream, rest.subarray(0, end));
      rest = rest.subarray(end + 1);
    }
    // Cuts a line without an end, to bound the memory.
    if (rest.length > 4 * LONGEST) {
      yield parseLine(stream, rest);
      rest = Buffer.alloc(0);
    }
    rests.set(stream, rest);
  }
  for (const [stream, rest] of rests) if (rest.length > 0) yield parseLine(stream, rest);
}

function parseLine(stream: StreamName, bytes: Buffer): LogLine {
  const line = bytes.toString("utf8").replace(/\r$/, "");
  const [, at = "", written = line] = /^(\d{4}-\d\d-\d\dT[\d:.]+Z) ?(.*)$/s.exec(line) ?? [];
  // The rest of a line that was cut can begin with what looks like a time.
  if (at !== "" && Number.isNaN(Date.parse(at))) return { at: "", stream, text: shorten(plainText(line)) };
  return { at, stream, text: shorten(plainText(written)) };
}

const shorten = (text: string): string => (text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text);
