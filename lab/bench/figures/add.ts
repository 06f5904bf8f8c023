import { projectApi } from "../lib/api.ts";
import { runArguments } from "../lib/compose-file.ts";
import { addressOf, docker } from "../lib/docker.ts";
import { type FigureSpec, type Fixture, projectsInWords } from "../lib/fixture.ts";
import { untilHealthy } from "../lib/http.ts";
import { projectName } from "../lib/platform.ts";
import { takeTurns, timed } from "../lib/rounds.ts";

const ADDED = "added";

export const add: FigureSpec = {
  name: "add",
  title: "Adding a project",
  notes: [
    "The project is removed between runs, which is not counted.",
    `Healthy: \`${projectApi.health.path}\` reports it, asked every 50 ms; through Traefik for the platform, at the container itself for \`docker run\` of the same image with the same limits, labels, volumes and files.`,
  ],
  sizes: [50],
  beside: true,

  async measure(fixture, projects) {
    const { platform, compose, rounds } = fixture;
    const healthy: number[] = [];
    const [composed, updated, run] = await takeTurns(
      [
        {
          name: "docker compose up -d",
          async run() {
            const took = await timed(() => compose.up("compose.added.json"));
            await compose.up("compose.json");
            return took;
          },
        },
        {
          name: "pulumi up --skip-preview",
          async run() {
            platform.declare(projects, [ADDED]);
            const answers = timed(() => untilHealthy(async () => throughTraefik(fixture)));
            const took = await timed(() => platform.up());
            healthy.push(await answers);
            platform.declare(projects);
            await platform.up();
            return took;
          },
        },
        { name: "docker run", run: () => dockerRun(fixture) },
      ],
      rounds,
    );
    if (!composed || !updated || !run) throw new Error("expected three series");
    return [
      { what: `added to ${projectsInWords(projects)}`, unit: "time", series: [composed, updated] },
      {
        what: "until it is healthy",
        unit: "time",
        series: [run, { name: updated.name, values: healthy.slice(1) }],
      },
    ];
  },
};

function throughTraefik({ platform }: Fixture) {
  return { host: "127.0.0.1", port: platform.port, path: `/p/${ADDED}`, headers: {} };
}

async function dockerRun({ platform, compose }: Fixture): Promise<number> {
  const service = await compose.extra("single");
  const authorization = platform.authorization(projectName(1));
  let host = "";
  const took = await timed(async () => {
    await docker("run", "-d", ...runArguments(service, platform.names.network));
    host = await addressOf(service.container_name, platform.names.network);
    await untilHealthy(async () => ({
      host,
      port: projectApi.server.port,
      path: "/",
      headers: { authorization },
    }));
  });
  await docker("rm", "-f", service.container_name);
  return took;
}
