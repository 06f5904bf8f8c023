import { projectApi } from "../lib/api.ts";
import { Chain } from "../lib/chain.ts";
import { addressOf } from "../lib/docker.ts";
import type { FigureSpec, Fixture } from "../lib/fixture.ts";
import { below, latencies } from "../lib/http.ts";
import { projectName } from "../lib/platform.ts";
import { comparePercentiles, REQUESTS, type Way } from "../lib/requests.ts";
import { Model } from "../lib/tokens.ts";

const TOKENS = 100;

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
          ...(await comparePercentiles("a request", ways, fixture, (target) =>
            latencies(below(target, projectApi.health.path), REQUESTS),
          )),
          ...(await comparePercentiles("a streamed token", ways, fixture, (target) =>
            model.times(target, TOKENS),
          )),
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
