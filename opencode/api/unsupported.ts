/** How servers of unsupported majors report their version. */
import { type Answer, asMap, type Call, isVersion, readJson, UnexpectedAnswer } from "./calls.ts";
import type { Health } from "./types.ts";

function read(answer: Answer): Health {
  const { version } = asMap(readJson(answer, "a known release of opencode"));
  if (!isVersion(version)) throw new UnexpectedAnswer("does not report its version");
  return { version };
}

/**
 * Health calls of unsupported servers, to name their version in an error. Try them in order after `health` of
 * a supported major has thrown `UnexpectedAnswer`: 2.x moved it in 2.0.4 and once more since.
 */
export const unsupportedHealth: readonly Call<Health>[] = ["/api/info", "/api/status", "/api/health"].map(
  (path) => ({ method: "GET", path, read }),
);
