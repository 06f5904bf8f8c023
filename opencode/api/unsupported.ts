/** How servers of majors that are not supported report their release. */
import { type Answer, asMap, type Call, readJson, UnexpectedAnswer } from "./calls.ts";
import type { Health } from "./types.ts";

function read(answer: Answer): Health {
  const { version } = asMap(readJson(answer, "a known release of opencode"));
  if (typeof version !== "string" || !/^\d+\.\d+\.\d+/.test(version))
    throw new UnexpectedAnswer("does not report its version");
  return { version };
}

/**
 * Health of servers that no module here can talk to, to name their version in an error. To be called in turn when `health` of a supported
 * major has thrown `UnexpectedAnswer`: 2.x has moved it twice, from 2.0.3 to 2.0.4 and from there to what it is since.
 */
export const unsupportedHealth: readonly Call<Health>[] = ["/api/info", "/api/status", "/api/health"].map(
  (path) => ({ method: "GET", path, read }),
);
