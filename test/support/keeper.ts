/** What a test asks of a platform's keeper. */

import type { Platform } from "./platform.ts";
import { must, run } from "./run.ts";
import { waitFor } from "./wait.ts";

const ASK = "/usr/local/lib/opencode-platform/keeper/ask";

/** A project as its keeper sees it. */
export interface Kept {
  readonly project: string;
  readonly state: string;
  readonly since: string;
  readonly reason?: string;
}

/** The keeper of a platform. */
export class Keeper {
  readonly #container: string;

  constructor({ names }: Pick<Platform, "names">) {
    this.#container = names.keeper;
  }

  async #ask(verb: string, project = ""): Promise<unknown> {
    const { code, stdout, stderr } = await run("docker", ["exec", this.#container, ASK, verb, project]);
    if (code !== 0) throw new Error(`${verb} ${project}: ${stdout}${stderr}`);
    return JSON.parse(stdout);
  }

  /** Puts a project to sleep. Throws with the keeper's reason where it refuses. */
  async sleep(project: string): Promise<void> {
    await this.#ask("sleep", project);
  }

  async wake(project: string): Promise<void> {
    await this.#ask("wake", project);
  }

  async of(project: string): Promise<Kept> {
    const all = (await this.#ask("projects")) as readonly Kept[];
    const found = all.find((each) => each.project === project);
    if (!found) throw new Error(`the keeper does not know ${project}: ${JSON.stringify(all)}`);
    return found;
  }

  history = (project: string) => this.#ask("history", project) as Promise<readonly unknown[]>;

  /** Waits until a project is in a state. */
  until(project: string, state: string): Promise<Kept> {
    return waitFor<Kept>(`${project} to be ${state}`, async () => {
      const found = await this.of(project);
      return found.state === state ? { done: found } : { seen: found };
    });
  }

  /** Moves the keeper's clock to so many minutes ahead of the machine's. */
  async ahead(minutes: number): Promise<void> {
    const ms = minutes * 60_000;
    await must("docker", ["exec", this.#container, "sh", "-c", `echo ${ms} > /tmp/ahead`]);
  }
}
