import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { makeNames } from "../../config/naming/names.ts";
import type { Project } from "../../config/projects/project.ts";
import { parseContainers } from "../../operate/docker/containers.ts";
import type { FixCommands } from "../../operate/doctor/finding.ts";
import { checkHiddenDrift } from "../../operate/doctor/hidden-drift.ts";

/**
 * Output of `docker container inspect` (20.10) for a running and a stopped project's container: as created,
 * and after each manual change (`docker network disconnect`, `docker update --cpu-quota`, …).
 */
const inspected = JSON.parse(readFileSync(new URL("inspected.json", import.meta.url), "utf8")) as Readonly<
  Record<string, unknown>
>;

/** Recorded when all projects were on one network. */
const names = { ...makeNames("t"), projectNetwork: () => "t" };
const commands: FixCommands = {
  apply: "npm start",
  pulumi: (args) => `npm run pulumi -- ${args}`,
  docker: (args) => `docker ${args}`,
  setup: (project) => `npm run setup -- ${project}`,
};
const resources: Project["resources"] = {
  memory: { bytes: 64 * 2 ** 20, mib: 64, text: "64MiB" },
  cpus: 0.5,
  pids: 512,
};
const projects = [
  { name: "web", state: "running" as const, resources },
  { name: "idle", state: "stopped" as const, resources },
];

const present = ["_gateway.yml", "web.yml", "idle.yml"];

function drift(moment: string, routeFiles: readonly string[] = present) {
  const containers = parseContainers(JSON.stringify(inspected[moment]));
  expect(containers).toHaveLength(2);
  return checkHiddenDrift({ containers, routeFiles, projects, names, commands }).map(({ text, fix }) => [
    text,
    fix,
  ]);
}

describe("drift that no update sees", () => {
  it("is none on unchanged containers", () => {
    expect(drift("good")).toEqual([]);
  });

  it("is a container that left its network, which Traefik notices at its next start", () => {
    expect(drift("offNetwork")).toEqual([
      [
        "project web: not on the network t",
        "docker network connect t t-project-web && docker restart t-project-web",
      ],
    ]);
    // A stopped container stays stopped.
    expect(drift("stoppedOff")).toEqual([
      ["project idle: not on the network t", "docker network connect t t-project-idle"],
    ]);
  });

  it("is a container on another network", () => {
    expect(drift("extra")).toEqual([
      ["project web: also on the network bridge", "docker network disconnect bridge t-project-web"],
    ]);
  });

  it("is a changed limit of CPUs or processes", () => {
    expect(drift("cpu")).toEqual([
      [
        "project web: limited to 0.2 processors, expected 0.5",
        "docker update --cpu-period 100000 --cpu-quota 50000 t-project-web",
      ],
    ]);
    expect(drift("pids")).toEqual([
      ["project web: limited to 100 processes, expected 512", "docker update --pids-limit 512 t-project-web"],
    ]);
  });

  it("is a running project that should be stopped", () => {
    expect(drift("started")).toEqual([
      ["project idle: running, expected stopped", "docker stop t-project-idle"],
    ]);
  });

  it("is a missing route file", () => {
    expect(drift("good", ["_gateway.yml", "idle.yml", "other.yml"])).toEqual([
      ["route of web: file missing", "npm run pulumi -- up --replace '**web-route'"],
    ]);
  });

  it("is a missing file of the gateway, without which it answers nothing", () => {
    expect(drift("good", ["web.yml", "idle.yml"])).toEqual([
      ["gateway: file missing", "npm run pulumi -- up --replace '**gateway-files'"],
    ]);
  });

  it("skips a missing container, which the update creates", () => {
    const checks = { containers: [], routeFiles: present, projects, names, commands };
    expect(checkHiddenDrift(checks)).toEqual([]);
  });
});
