/** Shows an update: redrawn on a terminal, one line per change elsewhere. */
import { Listr } from "listr2";
import { type Change, summary } from "../../operate/engine/changes.ts";
import type { UpdateEvent } from "../../operate/engine/update-events.ts";
import { duration } from "../../toolchain/lib/words.ts";
import { isWatched } from "./main.ts";

type Verb = "up" | "destroy";
type OnUpdateEvent = (event: UpdateEvent) => void;
type Run = (onUpdateEvent: OnUpdateEvent) => Promise<readonly Change[]>;

/** The headline before the first change, and during changes. */
const TITLES = {
  up: { start: "Comparing", changing: "Deploying" },
  destroy: { start: "Refreshing", changing: "Removing" },
} as const satisfies Record<Verb, unknown>;

/** Number of resources in progress that are shown at once. */
const SHOWN = 6;

/** Runs an update and shows it, with a summary line at the end. Throws what `run` throws. */
export async function showUpdate(verb: Verb, run: Run): Promise<void> {
  const start = performance.now();
  if (isWatched()) return drawUpdate(verb, run, start);
  const changes = await run(printChange);
  console.log(summary(changes, performance.now() - start));
}

/** Prints each completed change. */
export const printChange: OnUpdateEvent = (event) => {
  if (event.kind === "step" && event.data?.status === "done") console.log(`  ${event.data.message}`);
};

async function drawUpdate(verb: Verb, run: Run, start: number): Promise<void> {
  const view = new UpdateView(verb);
  let failure: unknown;
  const task = async (_: unknown, task: { title: string; output: string }) => {
    const draw = () => {
      task.title = view.headline(performance.now() - start);
      task.output = view.details();
    };
    const timer = setInterval(draw, 1000);
    try {
      const changes = await run((event) => {
        view.apply(event);
        draw();
      });
      task.title = summary(changes, performance.now() - start);
    } catch (error) {
      failure = error;
      throw error;
    } finally {
      clearInterval(timer);
    }
  };
  await new Listr([{ title: TITLES[verb].start, task: task as never }], {
    exitOnError: false,
    registerSignalListeners: false,
    rendererOptions: { showErrorMessage: false, collapseErrors: false },
  }).run();
  if (failure !== undefined) throw failure;
}

/** The view of a running update. */
export class UpdateView {
  readonly #verb: Verb;
  /** Resources in progress, by URN, each with its line. */
  readonly #running = new Map<string, string>();
  #done = 0;
  /** The last line that a resource reported, such as a step of an image's build. */
  #message = "";

  constructor(verb: Verb) {
    this.#verb = verb;
  }

  apply(event: UpdateEvent): void {
    if (event.kind === "message") {
      if (event.data.severity === "info") this.#message = event.data.text.split("\n").pop() ?? "";
      return;
    }
    if (!event.data) return;
    const { urn, status, message = "" } = event.data;
    if (status === "begun") this.#running.set(urn, message);
    else {
      this.#running.delete(urn);
      this.#message = "";
      if (status === "done") this.#done++;
    }
  }

  headline(ms: number): string {
    const { start, changing } = TITLES[this.#verb];
    const running = this.#running.size;
    const counts = `${changing}: ${this.#done} done, ${running} in progress`;
    return `${running + this.#done > 0 ? counts : start} … ${duration(ms)}`;
  }

  /** One line per resource in progress, up to the limit, and the last reported line. */
  details(): string {
    return [...[...this.#running.values()].slice(0, SHOWN), this.#message.slice(0, 100)]
      .filter(Boolean)
      .join("\n");
  }
}
