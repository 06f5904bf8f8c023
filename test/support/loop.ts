import { setTimeout as sleep } from "node:timers/promises";
import { ask } from "./http.ts";
import { healthProblem, projectApi } from "./opencode.ts";

export interface Loop {
  /** Ends the loop; returns the number of requests and the errors of failed ones. */
  stop(): Promise<{ sent: number; failures: string[] }>;
}

/**
 * Sends requests to projects through the gateway in a loop, by hostname and by path, one at a time for each.
 */
export function requestLoop(port: number, projects: readonly string[]): Loop {
  let running = true;
  let sent = 0;
  const failures: string[] = [];
  const ways = projects.flatMap((name) => [
    { host: `${name}.localhost:${port}`, path: projectApi.health.path },
    { host: `localhost:${port}`, path: `/p/${name}${projectApi.health.path}` },
  ]);
  const askOn = async (way: { host: string; path: string }) => {
    while (running) {
      sent++;
      const failure = await ask({ port, ...way }).then(healthProblem, (error: Error) => error.message);
      if (failure !== undefined)
        failures.push(`${new Date().toISOString()} ${way.host}${way.path}: ${failure}`);
      await sleep(100);
    }
  };
  const done = Promise.all(ways.map(askOn));
  return {
    stop: async () => {
      running = false;
      await done;
      return { sent, failures };
    },
  };
}
