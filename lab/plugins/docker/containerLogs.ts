/** Reads an attached container's output. */
import type { Container } from "dockerode";

const HEADER = 8;

/** The text of a log: without a terminal, the daemon adds a header to every chunk. */
export function plainLog(log: Buffer, tty: boolean): string {
  if (tty) return log.toString("utf8");
  const pieces: Buffer[] = [];
  for (let at = 0; at + HEADER <= log.length; ) {
    const length = log.readUInt32BE(at + 4);
    pieces.push(log.subarray(at + HEADER, at + HEADER + length));
    at += HEADER + length;
  }
  return Buffer.concat(pieces).toString("utf8");
}

/** A container's whole output. */
export async function containerLogs(container: Container, tty: boolean): Promise<string> {
  return plainLog(await container.logs({ stdout: true, stderr: true, follow: false }), tty);
}
