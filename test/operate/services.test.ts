import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { makeNames } from "../../config/naming/names.ts";
import type { Service } from "../../config/projects/services.ts";
import { readContainer } from "../../operate/docker/container-state.ts";
import { parseContainers } from "../../operate/docker/containers.ts";
import { makeControl } from "../../operate/docker/control.ts";
import type { Engine } from "../../operate/docker/engine.ts";
import { serviceProblem, servicesNote, servicesOf } from "../../operate/docker/services.ts";
import { checkContainers } from "../../operate/doctor/containers.ts";
import type { FixCommands } from "../../operate/doctor/finding.ts";
import { checkSettings } from "../../operate/doctor/hidden-drift.ts";
import type { Kept } from "../../operate/keeper/client.ts";
import { isLeft, listLeft, purge, setAside } from "../../operate/workspaces/left.ts";
import type { WorkspacesPlace } from "../../operate/workspaces/place.ts";
import { exec } from "../../toolchain/lib/exec.ts";
import { removeFolder, temporaryFolder } from "../support/temporary.ts";

const names = makeNames("t");
const commands: FixCommands = {
  apply: "npm start",
  pulumi: (args) => `npm run pulumi -- ${args}`,
  docker: (args) => `docker ${args}`,
  setup: (project) => `npm run setup -- ${project}`,
};
const memory = { text: "64MiB", bytes: 64 * 2 ** 20, mib: 64 };
const db: Service = {
  name: "db",
  image: "postgres:17",
  env: {},
  secrets: [],
  volumes: [],
  resources: { memory, cpus: 0.5, pids: 20 },
};
const shop = (state: "running" | "stopped" = "running") => ({
  name: "web-shop",
  state,
  resources: { memory, cpus: 1, pids: 512 },
  services: [db],
});

/** `docker inspect` of the service. */
const inspected = (state: object = {}, networks = ["t-services-web-shop"], pids = 20) => ({
  Id: "id",
  Name: "/t-service-web-shop.db",
  Config: {
    Labels: { "dev.opencode-platform.project": "web-shop", "dev.opencode-platform.service": "db" },
  },
  HostConfig: { PidsLimit: pids, CpuQuota: 50_000, CpuPeriod: 100_000 },
  NetworkSettings: { Networks: Object.fromEntries(networks.map((name) => [name, {}])) },
  State: {
    Status: "running",
    Health: { Status: "healthy", Log: [{ Output: "accepting connections\n" }] },
    ...state,
  },
});
const service = (...args: Parameters<typeof inspected>) => {
  const [container] = parseContainers(JSON.stringify([inspected(...args)]));
  if (!container) throw new Error("no container");
  return container;
};
const unhealthy = { Health: { Status: "unhealthy", Log: [{ Output: "starting up\nno response\n" }] } };

describe("a service's container", () => {
  it("is told from its project's, wherever containers are looked for by project", () => {
    expect(service()).toMatchObject({ project: "", service: { project: "web-shop", name: "db" } });
    expect(readContainer(inspected())).toMatchObject({ project: "" });
    expect(servicesOf("web-shop", [service()])).toHaveLength(1);
    expect(servicesOf("web", [service()])).toEqual([]);
  });

  it.each([
    [{}, undefined],
    [{ Health: { Status: "starting", Log: null } }, undefined],
    [{ Health: null }, undefined],
    [unhealthy, "service db is unhealthy: no response"],
    [{ Status: "exited", ExitCode: 1 }, "service db is exited: exit code 1"],
    [
      { Status: "exited", ExitCode: 137, OOMKilled: true },
      "service db is exited: killed for exceeding its memory limit",
    ],
    [{ Status: "restarting", ExitCode: 2 }, "service db is restarting (0 times): exit code 2"],
  ])("with the state %j: %s", (state, problem) => {
    const between = { ...service({ Health: { Status: "starting" } }), restarts: 4 };
    expect(serviceProblem(between)).toBe("service db is restarting (4 times): exit code 0");
    expect(serviceProblem(service(state))).toBe(problem);
    expect(servicesNote([service(state), service()])).toBe(problem ?? "");
  });

  it("is started before its project and stopped after it, in the panel", async () => {
    const calls: string[] = [];
    const note = (act: string) => async (name: string) => {
      calls.push(`${act} ${name}`);
      return true;
    };
    const engine = { start: note("start"), stop: note("stop"), inspect: async () => undefined };
    const control = makeControl({
      engine: engine as unknown as Engine,
      keeper: { wake: async () => ({ kind: "answered", value: "awake" }) },
      containerOf: names.project,
      servicesOf: () => ["t-service-web-shop.db"],
    });
    expect([await control.start("web-shop"), await control.stop("web-shop")]).toEqual([true, true]);
    expect(calls).toEqual([
      "start t-service-web-shop.db",
      "start t-project-web-shop",
      "stop t-project-web-shop",
      "stop t-service-web-shop.db",
    ]);
  });
});

describe("doctor on services", () => {
  const found = (container = [service()], state: "running" | "stopped" = "running") =>
    checkContainers({ containers: container, projects: [shop(state)], names, commands })
      .filter(({ text }) => text.includes("service"))
      .map(({ verdict, text, fix }) => [verdict, text, fix]);
  const log = "docker logs --tail 50 t-service-web-shop.db";

  it("says that each works, or what is wrong with it", () => {
    expect(found()).toEqual([["ok", "web-shop: service db is running, healthy", undefined]]);
    expect(found([service(unhealthy)])).toEqual([
      ["failed", "web-shop: service db is unhealthy: no response", `its log: ${log}`],
    ]);
    expect(found([service({ Status: "exited", ExitCode: 3 })])).toEqual([
      [
        "failed",
        "web-shop: service db is exited: exit code 3",
        `docker start t-service-web-shop.db; its log: ${log}`,
      ],
    ]);
    expect(found([service({ Status: "paused" })])).toEqual([
      ["failed", "web-shop: service db is paused", `docker unpause t-service-web-shop.db; its log: ${log}`],
    ]);
    expect(found([service({ Health: { Status: "starting", Log: null } })])[0]?.[0]).toBe("note");
    expect(found([])).toEqual([
      ["failed", "web-shop: service db: container t-service-web-shop.db not found", "npm start"],
    ]);
  });

  it("says of one that is paused that it does not work, though its project sleeps: services never do", () => {
    const kept = [{ project: "web-shop", state: "asleep", since: "2026-11-30T03:12:44.000Z" }] as const;
    const checks = { projects: [shop()], names, commands, kept };
    const texts = checkContainers({ ...checks, containers: [service({ Status: "paused" })] });
    expect(texts.filter(({ text }) => text.includes("service")).map(({ verdict }) => verdict)).toEqual([
      "failed",
    ]);
  });

  it("takes one for healthy that was paused, and whose next check is to come", () => {
    const Health = { Status: "unhealthy", Log: [{ Output: "accepting connections\n", ExitCode: 0 }] };
    expect(found([service({ Health })])[0]?.[0]).toBe("ok");
    Health.Log = [{ Output: "no response\n", ExitCode: 2 }];
    expect(found([service({ Health })])[0]?.[0]).toBe("failed");
  });

  it("lets them be paused or stopped while somebody works on the project's files", () => {
    const since = "2026-11-30T03:12:44.000Z";
    const of = (status: string, kept: Pick<Kept, "state" | "held">) =>
      checkContainers({
        containers: [service({ Status: status, ExitCode: 0 })],
        projects: [shop()],
        names,
        commands,
        kept: [{ project: "web-shop", since, ...kept }],
      })
        .filter(({ text }) => text.includes("service"))
        .map(({ verdict, text }) => `${verdict} ${text}`);
    expect(of("exited", { state: "parked" })).toEqual([
      "ok web-shop: service db is exited while the project's files are worked on",
    ]);
    expect(of("paused", { state: "awake", held: true })[0]).toMatch(/^ok /);
    expect(of("exited", { state: "awake" })[0]).toMatch(/^failed /);
  });

  it("wants those of a stopped project stopped, and those of none gone", () => {
    expect(found([service({ Status: "exited" })], "stopped")[0]?.[0]).toBe("ok");
    expect(found([service()], "stopped")).toEqual([
      ["failed", "web-shop: service db is running, expected stopped", "docker stop t-service-web-shop.db"],
    ]);
    const others = checkContainers({ containers: [service()], projects: [], names, commands });
    expect(others.at(-1)?.text).toBe("running but not in projects.yaml: t-service-web-shop.db");
  });

  it("sees networks and limits that differ, of the services and of the project", () => {
    const project = {
      ...service(),
      name: "t-project-web-shop",
      cpus: 1,
      pids: 512,
      networks: ["t-network-web-shop"],
    };
    const texts = checkSettings({
      containers: [project, service({}, ["bridge"], 99)],
      routeFiles: [],
      projects: [shop()],
      names,
      commands,
    }).map(({ text }) => text);
    expect(texts).toEqual([
      "project web-shop: not on the network t-services-web-shop",
      "web-shop: service db: not on the network t-services-web-shop",
      "web-shop: service db: also on the network bridge",
      "web-shop: service db: limited to 99 processes, expected 20",
    ]);
    const both = { ...project, networks: ["t-network-web-shop", "t-services-web-shop"] };
    const checks = { routeFiles: [], projects: [shop()], names, commands };
    expect(checkSettings({ ...checks, containers: [both, service()] })).toEqual([]);
  });
});

describe("what services keep", () => {
  let folder: string;
  const at = (...parts: string[]) => join(folder, ...parts);
  const place = (run?: WorkspacesPlace["run"]): WorkspacesPlace => ({
    directory: folder,
    host: "this machine",
    stackFlag: "",
    run: run ?? ((script, timeoutMs) => exec("sh", ["-c", script], { timeoutMs })),
    docker: async () => ({ code: 0, stdout: "", stderr: "" }),
  });
  const found = async () =>
    (await exec("sh", ["-c", `cd '${folder}' && find . -type f | sort`], {})).stdout
      .split("\n")
      .filter(Boolean);

  beforeEach(() => {
    folder = temporaryFolder();
    for (const file of [
      "shop/file",
      ".data/shop/file",
      ".services/shop/db/var,lib/file",
      ".services/blog/db/data/file",
    ]) {
      mkdirSync(join(at(file), ".."), { recursive: true });
      writeFileSync(at(file), "x".repeat(2 ** 20));
    }
  });
  afterEach(() => removeFolder(folder));

  it("is found, measured, and deleted with the workspace and nobody else's", async () => {
    const left = await listLeft(place(), []);
    expect(left.map(({ name }) => name)).toEqual(["blog", "shop"]);
    expect(left[1]?.bytes).toBeGreaterThan(3 * 2 ** 20);
    expect(await isLeft(place(), "blog")).toBe(true);
    await purge(place(), "shop");
    expect(await found()).toEqual(["./.services/blog/db/data/file"]);
  });

  it("is set aside and put back with it", async () => {
    const before = await found();
    const { aside, putBack } = await setAside(place(), "shop");
    expect(await found()).toContain(`./.services/${aside}/db/var,lib/file`);
    expect(await isLeft(place(), "shop")).toBe(false);
    await putBack();
    expect(await found()).toEqual(before);
  });

  it.each(["/.services/shop ", "/.data/shop ", "/shop "])(
    "stays as it was where %s can't be moved",
    async (which) => {
      const before = await found();
      const failing = place((script, timeoutMs) => {
        const broken = `mv() { case "$2 $3" in *'${which}'*removed*) echo full >&2; return 1;; *) command mv "$@";; esac; }`;
        return exec("sh", ["-c", `${broken}\n${script}`], { timeoutMs });
      });
      await expect(setAside(failing, "shop")).rejects.toThrow("could not be set aside, and is as it was,");
      expect(await found()).toEqual(before);
    },
  );
});
