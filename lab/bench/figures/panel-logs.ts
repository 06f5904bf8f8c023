import type { FigureSpec, Fixture } from "../lib/fixture.ts";
import { type Following, follow, followByDocker, followByHttp } from "../lib/followers.ts";
import { Panel } from "../lib/panel.ts";
import { projectName } from "../lib/platform.ts";
import type { Comparison, Unit } from "../lib/report.ts";
import { each, type Series, takeTurns, type Way } from "../lib/rounds.ts";

const MANY = 50;
const LINES = 300;
const PAUSE_MS = 10;

export const panelLogs: FigureSpec = {
  name: "panel",
  title: `The panel: ${MANY} who follow a log`,
  notes: [
    `A container writes ${LINES} numbered lines of about 120 characters, one each ${PAUSE_MS} ms, and each with the time of its writing. Each follower must get each line once and in its turn, or there is no figure. Those of the panel read \`GET /api/projects/:name/logs?follow=1\`; one process receives it all, whichever way it comes. p50 and p99 are those of each run, over all lines of all followers.`,
    "Each run of the panel is one of a fresh process. Memory and processor time are those of the panel, or of all `docker logs -f` together: memory as its proportional share (pages that are shared are counted once), when the last line has come; processor time from before the first line until the last has come. The whole machine: everything in the same time: Docker's part, who receives, and whatever else ran.",
  ],
  sizes: [1],
  beside: false,

  async measure(fixture) {
    const docker = way(`${MANY} × docker logs -f`, () => byDocker(fixture));
    const many = way(`the panel, ${MANY} followers`, () => byPanel(fixture, MANY));
    const one = way("the panel, 1 follower", () => byPanel(fixture, 1));
    const series = await takeTurns([docker, many, one], fixture.rounds);
    return [
      compare("from written to received, p50", "time", series, ({ p50 }) => p50),
      compare("from written to received, p99", "time", series, ({ p99 }) => p99),
      compare("memory", "size", series, ({ memory }) => memory),
      compare(`processor time for ${LINES} lines`, "time", series, ({ processor }) => processor),
      compare("the same, whole machine", "time", series, ({ machine }) => machine),
    ];
  },
};

const way = (name: string, run: () => Promise<Following>): Way<Following> => ({ name, run });

const compare = (
  what: string,
  unit: Unit,
  series: readonly Series<Following>[],
  number: (run: Following) => number,
): Comparison => ({ what, unit, series: each(series, number) });

const linesOf = ({ platform }: Fixture) => ({
  container: platform.names.project(projectName(1)),
  count: LINES,
  pauseMs: PAUSE_MS,
});

async function byDocker(fixture: Fixture): Promise<Following> {
  const lines = linesOf(fixture);
  const followed = await followByDocker(lines.container, MANY, fixture.cleaning);
  return follow(followed, lines, fixture.cleaning);
}

async function byPanel(fixture: Fixture, count: number): Promise<Following> {
  const panel = await Panel.start(fixture);
  try {
    const url = `${panel.url}/api/projects/${projectName(1)}/logs?lines=0&follow=1`;
    const followed = await followByHttp(url, count, panel.pid);
    return await follow(followed, linesOf(fixture), fixture.cleaning);
  } finally {
    await panel.end();
  }
}
