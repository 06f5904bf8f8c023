import { ask } from "./http.ts";
import type { Platform } from "./platform.ts";
import { waitFor } from "./wait.ts";

/** Waits until a project's opencode answers through the gateway. */
export function answering(platform: Platform, project: string): Promise<true> {
  return waitFor<true>(
    `${project} to answer`,
    async () => {
      const { status, body } = await ask({
        port: platform.fixture.port,
        path: `/p/${project}/global/health`,
      });
      return status === 200 && body.includes('"healthy":true')
        ? { done: true as const }
        : { seen: `${status} ${body}` };
    },
    { within: 180_000 },
  );
}
