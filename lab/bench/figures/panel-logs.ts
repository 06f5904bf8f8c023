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
  title: `The panel: ${MANY} followers of a log`,
  notes: [
    `A container writes ${LINES} numbered lines of about 120 characters, one each ${PAUSE_MS} ms, each with its time. If a follower misses a line, or gets it twice or out of order, there is no figure. The panel's followers read \`GET /api/projects/:name/logs?follow=1\`; one process receives everything in either case. p50 and p99 are per run, over all lines of all followers.`,
    "Each run of the panel uses a new process. Memory and processor time are those of the panel, or of all `docker logs -f` together: memory as the proportional share (shared pages are counted once) after the last line; processor time from the first line to the last. The whole machine: everything in that time, including Docker and the receiver.",
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
    const path = `/api/projects/${projectName(1)}/logs?lines=0&follow=1`;
    const followed = await followByHttp(path, count, panel);
    return await follow(followed, linesOf(fixture), fixture.cleaning);
  } finally {
    await panel.end();
  }
}
