/**
 * When a project was last used, as its own opencode says. It is asked through the gateway, as a person's browser is: the gateway adds the
 * password, so that the panel need not hold any, and it is the same on this machine and on a droplet.
 */
import { request } from "node:http";

/** Sessions that are looked at: the newest ones. */
const SESSIONS = 50;
const TIMEOUT_MS = 5000;
const MOST_BYTES = 8 * 2 ** 20;

/** Milliseconds since 1970; undefined for a project without sessions. @throws Error when it does not answer */
export type AskActivity = (project: string) => Promise<number | undefined>;

/**
 * @param port the gateway's, on loopback
 * @param hostnameOf a project's hostname
 */
export const askThroughGateway =
  (port: number, hostnameOf: (project: string) => string): AskActivity =>
  async (project) =>
    newestOf(JSON.parse(await get(port, hostnameOf(project), `/session?limit=${SESSIONS}`)));

/** The newest of sessions' times, as opencode lists sessions. */
export function newestOf(sessions: unknown): number | undefined {
  if (!Array.isArray(sessions)) throw new Error("opencode answers no list of sessions");
  const times = sessions.flatMap((session: { time?: { updated?: unknown; created?: unknown } }) => {
    const at = session?.time?.updated ?? session?.time?.created;
    return typeof at === "number" && Number.isFinite(at) ? [at] : [];
  });
  return times.length > 0 ? Math.max(...times) : undefined;
}

/** `fetch` sends no Host of one's own. */
function get(port: number, hostname: string, path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const headers = { Host: hostname, Accept: "application/json" };
    const options = { host: "127.0.0.1", port, path, headers, signal: AbortSignal.timeout(TIMEOUT_MS) };
    const asked = request(options, (response) => {
      const chunks: Buffer[] = [];
      let size = 0;
      response.on("data", (chunk: Buffer) => {
        size += chunk.length;
        if (size > MOST_BYTES) asked.destroy(new Error(`${hostname} answers too much`));
        else chunks.push(chunk);
      });
      response.on("error", reject);
      response.on("end", () => {
        if (response.statusCode === 200) resolve(Buffer.concat(chunks).toString("utf8"));
        else reject(new Error(`${hostname} answered ${response.statusCode}`));
      });
    });
    asked.on("error", reject);
    asked.end();
  });
}
