import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { addressOf, docker, untilContainersHealthy } from "../lib/docker.ts";
import type { FigureSpec } from "../lib/fixture.ts";
import { untilAnswered } from "../lib/http.ts";
import { projectName } from "../lib/platform.ts";
import { CONNECTIONS, compareWays, LOAD_MS, REQUESTS } from "../lib/requests.ts";

const PORT = 3000;
/** A program of the project that answers as fast as Node does. */
const PROGRAM = `require("node:http").createServer((_, response) => response.end("hello")).listen(${PORT})`;

export const previews: FigureSpec = {
  name: "previews",
  title: "What a project's own program serves",
  notes: [
    `Each run: ${REQUESTS} sequential requests on one keep-alive connection (p50 and p99 of the run), then ${CONNECTIONS} connections for ${LOAD_MS / 1000} s (responses per second).`,
    "Direct: to the program's port in the container. At its hostname: through Traefik, whose plugin is interpreted, and the container's relay, which opens a connection for each request. The container is limited to one CPU, which program and relay share.",
  ],
  sizes: [1],
  beside: false,

  async measure(fixture) {
    const { platform } = fixture;
    const name = projectName(1);
    const container = platform.names.project(name);
    writeFileSync(
      join(platform.folder, "projects.yaml"),
      JSON.stringify({
        defaults: { resources: { memory: "1GiB", cpus: 1, pids: 512 } },
        projects: [{ name, ports: [PORT] }],
      }),
    );
    await platform.up();
    await untilContainersHealthy([container]);
    await docker("exec", "-d", container, "node", "-e", PROGRAM);
    const direct = {
      host: await addressOf(container, platform.names.projectNetwork(name)),
      port: PORT,
      path: "/",
      headers: {},
    };
    const through = {
      host: "127.0.0.1",
      port: platform.port,
      path: "/",
      headers: { host: `${platform.urls.hostname(`${name}-${PORT}`)}:${platform.port}` },
    };
    for (const target of [direct, through]) await untilAnswered(target);
    return compareWays(
      "GET /",
      [
        { name: "direct", target: direct },
        { name: "at its hostname", target: through },
      ],
      fixture,
    );
  },
};
