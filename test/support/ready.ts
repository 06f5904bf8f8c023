import { ask } from "./http.ts";
import { healthProblem, projectApi, question } from "./opencode.ts";
import type { Platform } from "./platform.ts";
import { waitFor } from "./wait.ts";

/** Waits until a project's opencode responds through the gateway. */
export function answering(platform: Platform, project: string): Promise<true> {
  return waitFor<true>(
    `${project} to answer`,
    async () => {
      const at = { port: platform.fixture.port, path: `/p/${project}` };
      const problem = healthProblem(await ask(question(at, projectApi.health)));
      return problem === undefined ? { done: true as const } : { seen: problem };
    },
    { within: 180_000 },
  );
}
