/** Which of a project's ports a program of it answers on. */
import { setTimeout as wait } from "node:timers/promises";
import type { Credentials } from "./credentials.ts";
import type { ListedProject } from "./platform.ts";
import { type Agent, fetchText } from "./upstream.ts";

/** Milliseconds that a list waits for it. */
const TIMEOUT_MS = 3000;

/**
 * Asks the project's hostname, by each port's name or number. Empty if nothing is known: the project is stopped or has no ports, the platform
 * is older, the credentials are not for it, or it takes too long. One that sleeps is not asked, which could wake it. Asks for no login, which would
 * open a page for each project.
 * @param connect the connection's parts for a hostname; undefined without credentials at hand
 */
export async function answeringPorts(
  { url, state, ports }: ListedProject,
  connect: (url: URL) => Promise<{ agent: Agent; credentials: Credentials } | undefined>,
): Promise<Readonly<Record<string, boolean>>> {
  if (state !== "running" || Object.keys(ports).length === 0) return {};
  const ask = async () => {
    const at = await connect(url);
    if (!at) return {};
    try {
      const headers = await at.credentials.headers();
      const answer = await fetchText(new URL("/_platform/ports", url), at.agent, headers);
      return answer.status === 200 ? readAnswering(answer.body) : {};
    } finally {
      at.agent.destroy();
    }
  };
  return await Promise.race([ask().catch(() => ({})), wait(TIMEOUT_MS, {}, { ref: false })]);
}

/** Reads what the project's relay answers. */
function readAnswering(body: string): Record<string, boolean> {
  const { ports } = JSON.parse(body) as { ports?: unknown };
  return Object.fromEntries(
    Object.entries(typeof ports === "object" && ports !== null ? ports : {}).filter(
      (entry): entry is [string, boolean] => typeof entry[1] === "boolean",
    ),
  );
}
