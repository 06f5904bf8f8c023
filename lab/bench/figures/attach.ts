import { projectApi } from "../lib/api.ts";
import { Chain } from "../lib/chain.ts";
import { addressOf } from "../lib/docker.ts";
import type { FigureSpec, Fixture } from "../lib/fixture.ts";
import { below, latencies, type Target } from "../lib/http.ts";
import { projectName } from "../lib/platform.ts";
import type { Comparison } from "../lib/report.ts";
import { takeTurns } from "../lib/rounds.ts";
import { percentile } from "../lib/stats.ts";
import { Model } from "../lib/tokens.ts";

const REQUESTS = 300;
const TOKENS = 100;

interface Way {
  readonly name: string;
  /** URL of the project's root. */
  readonly target: Target;
}

export const attach: FigureSpec = {
  name: "attach",
  title: "The cost of `opencode-platform`",
  notes: [
    `A request: ${REQUESTS} of ${projectApi.health.path} sequentially on one keep-alive connection. A token: ${TOKENS} of one answer, from the stand-in model's sending to the event's arrival on ${projectApi.eventsPath}; the model sends the next after that. p50 and p99 are per run.`,
    "The local proxy adds the difference between the second and the third way. It is the program itself (`--print`), in a separate process.",
    "The edge (TLS, HTTP/2 to the connector, a check of the token) and the connector (another check) are stand-ins in one Node process on this machine, which is also the client and the model: this measures the work of each step, without the distance to a real edge, which will dominate.",
  ],
  sizes: [1],
  beside: false,
  added: true,

  async measure(fixture) {
    const chain = await Chain.start(fixture.platform);
    try {
      const model = await Model.start(fixture.platform);
      try {
        const ways = await waysOf(fixture, chain);
        return [
          ...(await compare("a request", ways, fixture, (target) =>
            latencies(below(target, projectApi.health.path), REQUESTS),
          )),
          ...(await compare("a streamed token", ways, fixture, (target) => model.times(target, TOKENS))),
        ];
      } finally {
        await model.stop();
      }
    } finally {
      await chain.stop();
    }
  },
};

async function waysOf({ platform }: Fixture, chain: Chain): Promise<Way[]> {
  const name = projectName(1);
  const direct = {
    host: await addressOf(platform.names.project(name), platform.names.projectNetwork(name)),
    port: projectApi.server.port,
    path: "/",
    headers: { authorization: platform.authorization(name) },
  };
  const { port, urls } = platform;
  const gateway = { host: "127.0.0.1", port, path: "/", headers: { host: `${urls.hostname(name)}:${port}` } };
  return [
    { name: "container direct", target: direct },
    { name: "Traefik", target: gateway },
    { name: "local proxy, Traefik", target: await chain.proxy() },
    { name: "local proxy, edge, connector, Traefik", target: await chain.whole() },
  ];
}

/** The p50 and p99 of each run, for each way. */
async function compare(
  what: string,
  ways: readonly Way[],
  { rounds }: Fixture,
  measure: (target: Target) => Promise<number[]>,
): Promise<Comparison[]> {
  const p99 = ways.map(({ name }) => ({ name, values: [] as number[] }));
  const p50 = await takeTurns(
    ways.map(({ name, target }, index) => ({
      name,
      async run() {
        const times = await measure(target);
        p99[index]?.values.push(percentile(times, 99));
        return percentile(times, 50);
      },
    })),
    rounds,
  );
  // The warm-up does not count.
  const counted = p99.map(({ name, values }) => ({ name, values: values.slice(1) }));
  return [
    { what: `${what}, p50`, unit: "time", series: p50 },
    { what: `${what}, p99`, unit: "time", series: counted },
  ];
}
