import { Agent } from "node:http";
import { projectApi } from "../lib/api.ts";
import { addressOf } from "../lib/docker.ts";
import type { FigureSpec } from "../lib/fixture.ts";
import { ask, type Target } from "../lib/http.ts";
import { projectName } from "../lib/platform.ts";
import { CONNECTIONS, compareWays, LOAD_MS, REQUESTS } from "../lib/requests.ts";

/** Files to request while looking for one of the wanted size. */
const MOST_FILES = 100;

export const latency: FigureSpec = {
  name: "latency",
  title: "Traefik's cost per request",
  notes: [
    `Each run: ${REQUESTS} sequential requests on one keep-alive connection (p50 and p99 of the run), then ${CONNECTIONS} connections for ${LOAD_MS / 1000} s (responses per second).`,
    "A Node process on the same cores generates the load, so both rates are lower than from another machine. The container is limited to one CPU.",
  ],
  sizes: [1],
  beside: false,

  async measure(fixture) {
    const name = projectName(1);
    const direct: Target = {
      host: await addressOf(
        fixture.platform.names.project(name),
        fixture.platform.names.projectNetwork(name),
      ),
      port: projectApi.server.port,
      path: projectApi.health.path,
      headers: { authorization: fixture.platform.authorization(name) },
    };
    const through: Target = {
      host: "127.0.0.1",
      port: fixture.platform.port,
      path: direct.path,
      headers: { host: `${fixture.platform.urls.hostname(name)}:${fixture.platform.port}` },
    };
    const { path, bytes } = await findAsset(direct);
    const ways = (path: string) => [
      { name: "container direct", target: { ...direct, path } },
      { name: "through Traefik", target: { ...through, path } },
    ];
    const size = `${Math.round(bytes / 1000)} kB page asset`;
    return [
      ...(await compareWays(projectApi.health.path, ways(direct.path), fixture)),
      ...(await compareWays(size, ways(path), fixture)),
    ];
  },
};

/** The file closest to 100 kB among those that the page and its files refer to. */
async function findAsset(page: Target): Promise<{ path: string; bytes: number }> {
  const agent = new Agent({ keepAlive: true });
  const sizes = new Map<string, number>();
  const visit = async (paths: readonly string[]) => {
    const bodies: string[] = [];
    for (const path of paths.filter((path) => !sizes.has(path)).slice(0, MOST_FILES)) {
      const { status, bytes, body } = await ask({ ...page, path }, agent);
      if (status === 200) sizes.set(path, bytes);
      if (/\.(js|css)$/.test(path)) bodies.push(body);
    }
    return bodies.flatMap((body) => filesIn(body));
  };
  const { body } = await ask({ ...page, path: "/" }, agent);
  await visit(await visit(filesIn(body)));
  agent.destroy();
  const distance = (bytes: number) => Math.abs(Math.log(bytes / 100_000));
  const [nearest] = [...sizes].sort(([, a], [, b]) => distance(a) - distance(b));
  if (!nearest) throw new Error("the page refers to no usable file");
  return { path: nearest[0], bytes: nearest[1] };
}

/** Paths of the page's own files in a text. */
const filesIn = (text: string): string[] =>
  [...new Set(text.match(/\bassets\/[\w.-]+\.(?:js|css|svg|png|woff2)\b/g) ?? [])].map((path) => `/${path}`);
