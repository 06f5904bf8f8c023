import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { OPENCODE } from "../../../config/versions.ts";
import { apiFor } from "../../../opencode/api/index.ts";
import { docker, memoryOf, untilContainersHealthy } from "../lib/docker.ts";
import type { FigureSpec } from "../lib/fixture.ts";
import { untilHealthy } from "../lib/http.ts";
import { MODEL_PORT, type Platform, projectName } from "../lib/platform.ts";
import { takeTurns, timed } from "../lib/rounds.ts";
import { percentile } from "../lib/stats.ts";
import { Model } from "../lib/tokens.ts";
import { Visitor } from "../lib/visit.ts";

const LAB = join(import.meta.dirname, "../../opencode/releases.json");
const TOKENS = 20;
/** Where a prompt is typed, in the page of either major. */
const PROMPT = '[contenteditable="true"]';

export const majors: FigureSpec = {
  name: "majors",
  title: "opencode 1 and 2",
  notes: [
    "One project of each release, on one platform. 2.x is the build that the tests have (lab/opencode), not upstream's own.",
    "Start: from `docker restart` until a first visit in Chromium shows the field for a prompt; the container is routed to once its health check, every 5 s, has answered.",
    `Memory as in \`docker stats\`: after a start that nobody has visited, then with the page opened and an answer of ${TOKENS} tokens. A token: from the stand-in model's sending to the event's arrival through Traefik, p50 of a run.`,
  ],
  sizes: [2],
  beside: false,

  async measure({ platform, cleaning, rounds }) {
    const [second = ""] = Object.keys(JSON.parse(readFileSync(LAB, "utf8")) as object);
    const sides = [OPENCODE, second].map((version, index) => side(platform, version, index));
    platform.env.OPENCODE_PLATFORM_LAB_RELEASES = LAB;
    writeFileSync(
      join(platform.folder, "projects.yaml"),
      JSON.stringify({
        defaults: {
          resources: { memory: "1GiB", cpus: 1, pids: 512 },
          network: { allow: ["internet", ...sides.map(({ modelPort }) => `host:${modelPort}`)] },
        },
        projects: sides.map(({ project, version }) => ({ name: project, opencode: { version } })),
      }),
    );
    await platform.up();
    await untilContainersHealthy(sides.map(({ container }) => container));
    const visitor = await Visitor.start(cleaning);
    const memory = { untouched: valuesOf(sides), used: valuesOf(sides) };
    const start = await takeTurns(
      sides.map(({ version, container, target, url, api }, index) => ({
        name: version,
        async run() {
          const took = await timed(async () => {
            await docker("restart", container);
            await untilHealthy(async () => target, 120_000, api);
            await visitor.visit({ url, usable: `document.querySelector('${PROMPT}')`, use: async () => {} });
          });
          await docker("restart", container);
          await untilContainersHealthy([container]);
          memory.untouched[index]?.values.push((await memoryOf(container))[0] ?? 0);
          return took;
        },
      })),
      rounds,
    );
    const models = await Promise.all(
      sides.map(({ project, api, modelPort }) => Model.start(platform, { project, api, port: modelPort })),
    );
    const tokens = await takeTurns(
      sides.map(({ version, container, target, url }, index) => ({
        name: version,
        async run() {
          await visitor.visit({ url, usable: `document.querySelector('${PROMPT}')`, use: async () => {} });
          const times = (await models[index]?.times(target, TOKENS)) ?? [];
          memory.used[index]?.values.push((await memoryOf(container))[0] ?? 0);
          return percentile(times, 50);
        },
      })),
      rounds,
    );
    for (const model of models) await model.stop();
    await visitor.end();
    return [
      { what: "start until the page can be typed in", unit: "time", series: start },
      { what: "memory, untouched", unit: "size", series: memory.untouched },
      { what: "memory, used", unit: "size", series: memory.used },
      { what: "a token through Traefik", unit: "time", series: tokens },
    ];
  },
};

function side(platform: Platform, version: string, index: number) {
  const project = projectName(index + 1);
  return {
    version,
    project,
    api: apiFor(version),
    modelPort: MODEL_PORT + index,
    container: platform.names.project(project),
    url: platform.urls.browser(project),
    target: { host: "127.0.0.1", port: platform.port, path: `/p/${project}`, headers: {} },
  };
}

const valuesOf = (sides: readonly { version: string }[]) =>
  sides.map(({ version }) => ({ name: version, values: [] as number[] }));
