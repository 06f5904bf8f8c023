/** From an update to a workspace that people can work in, and what the images for it weigh. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { settingKey } from "../../../config/stack/settings.ts";
import { exec } from "../../../toolchain/lib/exec.ts";
import { type GitServer, makeRepositories, startGit } from "../../forges/git.ts";
import { projectApi } from "../lib/api.ts";
import { runArguments } from "../lib/compose-file.ts";
import { addressOf, docker, hostGateway } from "../lib/docker.ts";
import type { FigureSpec, Fixture } from "../lib/fixture.ts";
import { untilHealthy } from "../lib/http.ts";
import { projectName } from "../lib/platform.ts";
import type { Comparison } from "../lib/report.ts";
import { takeTurns, timed } from "../lib/rounds.ts";

/** Files of the repository, of 2 kB each. */
const FILES = 2000;
/** Of Debian's small ones; each first build installs another. */
const SMALL = [
  "sl",
  "figlet",
  "toilet",
  "cowsay",
  "lolcat",
  "cmatrix",
  "hello",
  "sysvbanner",
  "jp2a",
  "aview",
];
const PACKAGES = ["golang-go", "php-cli", "default-jdk-headless"];
const MINUTES = 10;

export const workspace: FigureSpec = {
  name: "workspace",
  title: "Until a workspace is ready",
  notes: [
    `Ready: opencode answers, and a repository of ${FILES} files is cloned and checked out. A project of a new name each time; its removal is not counted.`,
    "By hand: `git clone`, then `docker run` of the same image with the same limits on the clone.",
    `Already built: \`packages: [${PACKAGES.join(", ")}]\`, after another project's build. First build: one small package more, so that everything after Debian's base tools is built anew.`,
    "Sizes as `docker image inspect` has them. The images share all layers up to their packages, which are on the disk once.",
  ],
  sizes: [1],
  beside: true,

  async measure(fixture) {
    const folder = join(fixture.platform.folder, ".repositories");
    mkdirSync(folder);
    const repositories = makeRepositories(folder);
    const files = Object.fromEntries(
      Array.from({ length: FILES }, (_, n) => [`src/${n % 50}/${n}.txt`, `${n}\n`.repeat(400)]),
    );
    repositories.add("shop", [{ files }]);
    const git = await startGit(repositories);
    fixture.cleaning.add(() => git.close());
    const ready = await untilReady(fixture, git);
    return [ready, ...(await sizes(fixture))];
  },
};

async function untilReady(fixture: Fixture, git: GitServer): Promise<Comparison> {
  const { platform, rounds } = fixture;
  const url = `http://${await hostGateway()}:${git.port}/shop.git`;
  let count = 0;
  const up = (name: string, environment: () => object) => ({
    name,
    async run() {
      const project = `w${++count}`;
      declare(fixture, [{ name: project, repo: url, trust: "always", ...environment() }], git.port);
      const took = await timed(async () => {
        await platform.up();
        await untilCloned(platform.names.project(project));
      });
      declare(fixture, [], git.port);
      await platform.up();
      return took;
    },
  });
  // So that what is called built is.
  const warm = up("", () => ({ packages: PACKAGES }));
  await warm.run();
  const series = await takeTurns(
    [
      { name: "git clone and docker run", run: () => byHand(fixture, git.port, ++count) },
      up("pulumi up, the default image", () => ({})),
      up("pulumi up, packages already built", () => ({ packages: PACKAGES })),
      up("pulumi up, a first build", () => ({ packages: [SMALL[count % SMALL.length]] })),
    ],
    rounds,
  );
  return { what: "from the update's start", unit: "time", series };
}

function declare({ platform }: Fixture, added: readonly object[], port: number): void {
  writeFileSync(
    join(platform.folder, "projects.yaml"),
    JSON.stringify({
      defaults: {
        resources: { memory: "1GiB", cpus: 1, pids: 512 },
        network: { allow: ["internet", `host:${port}`] },
      },
      projects: [{ name: projectName(1) }, ...added],
    }),
  );
}

async function untilCloned(container: string): Promise<void> {
  const until = performance.now() + MINUTES * 60_000;
  let line = "";
  while (performance.now() < until) {
    line = await docker("inspect", "--format", "{{json .State.Health}}", container);
    const { Status, Log } = JSON.parse(line) as { Status: string; Log?: { Output: string }[] };
    if (Status === "healthy" && Log?.at(-1)?.Output.includes("workspace: cloned")) return;
    await sleep(100);
  }
  throw new Error(`${container} is not ready after ${MINUTES} minutes: ${line}`);
}

async function byHand(fixture: Fixture, port: number, count: number): Promise<number> {
  const { platform, compose } = fixture;
  const service = await compose.extra("single");
  const clone = join(platform.folder, `.by-hand-${count}`);
  const took = await timed(async () => {
    const { code } = await exec("git", ["clone", "--quiet", `http://127.0.0.1:${port}/shop.git`, clone]);
    if (code !== 0) throw new Error("git clone failed");
    await docker("run", "-d", ...runArguments(service, platform.names.network));
    const host = await addressOf(service.container_name, platform.names.network);
    const headers = { authorization: platform.authorization(projectName(1)) };
    await untilHealthy(async () => ({ host, port: projectApi.server.port, path: "/", headers }));
  });
  await docker("rm", "-f", service.container_name);
  return took;
}

async function sizes(fixture: Fixture): Promise<Comparison[]> {
  const { platform } = fixture;
  const key = settingKey("slimImage");
  const sizeOf = async (project: string) => {
    const image = await docker("inspect", "--format", "{{.Image}}", platform.names.project(project));
    return Number(await docker("image", "inspect", "--format", "{{.Size}}", image.trim()));
  };
  declare(fixture, [{ name: "packed", packages: PACKAGES }], fixture.platform.port);
  await platform.up();
  const whole = { name: "the default image", values: [await sizeOf(projectName(1))] };
  const packed = { name: `with packages: [${PACKAGES.join(", ")}]`, values: [await sizeOf("packed")] };
  declare(fixture, [], fixture.platform.port);
  await platform.pulumi(["config", "set", key, "true"]);
  await platform.up();
  const slim = { name: "slimImage", values: [await sizeOf(projectName(1))] };
  await platform.pulumi(["config", "rm", key]);
  await platform.up();
  return [{ what: "size", unit: "size", series: [whole, slim, packed] }];
}
