/**
 * Reads from a project's opencode when it was last used. Requests go through the gateway, which adds the password, so that the panel has
 * none; this works locally and on a droplet.
 */
import { request } from "node:http";
import { type Answer, apiFor, isUnexpectedAnswer, type Session } from "../../../opencode/api/index.ts";

/** Number of sessions that are read, newest first. */
const SESSIONS = 50;
const TIMEOUT_MS = 5000;
const MAX_BYTES = 8 * 2 ** 20;

/** Milliseconds since the epoch; undefined for a project without sessions. @throws Error if it is not responding */
export type FetchActivity = (project: string, version: string) => Promise<number | undefined>;

/**
 * @param port the gateway's port on loopback
 * @param hostnameOf a project's hostname
 */
export const fetchActivityThroughGateway =
  (port: number, hostnameOf: (project: string) => string): FetchActivity =>
  async (project, version) => {
    const { path, read } = apiFor(version).sessions(SESSIONS);
    const hostname = hostnameOf(project);
    try {
      return latestActivity(read(await get(port, hostname, path)));
    } catch (error) {
      throw isUnexpectedAnswer(error) ? new Error(`${hostname} ${error.message}`) : error;
    }
  };

/** The latest activity of any session. */
export function latestActivity(sessions: readonly Session[]): number | undefined {
  const times = sessions.flatMap(({ usedAt }) => (usedAt === undefined ? [] : [usedAt]));
  return times.length > 0 ? Math.max(...times) : undefined;
}

/** Uses `http`, since `fetch` can't set Host. */
function get(port: number, hostname: string, path: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const headers = { Host: hostname, Accept: "application/json" };
    const options = { host: "127.0.0.1", port, path, headers, signal: AbortSignal.timeout(TIMEOUT_MS) };
    const sent = request(options, (response) => {
      const chunks: Buffer[] = [];
      let size = 0;
      response.on("data", (chunk: Buffer) => {
        size += chunk.length;
        if (size > MAX_BYTES) sent.destroy(new Error(`${hostname} sent too large a response`));
        else chunks.push(chunk);
      });
      response.on("error", reject);
      response.on("end", () => {
        const body = Buffer.concat(chunks).toString("utf8");
        resolve({ status: response.statusCode ?? 0, contentType: response.headers["content-type"], body });
      });
    });
    sent.on("error", reject);
    sent.end();
  });
}
