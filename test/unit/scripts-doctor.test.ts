import { describe, expect, it } from "vitest";
import { makeNames } from "../../config/names.ts";
import { checkContainers } from "../../scripts/checks/containers.ts";
import { formatFinding, wrong } from "../../scripts/checks/finding.ts";
import { checkMemory } from "../../scripts/checks/machine.ts";
import { type ContainerState, parseContainers } from "../../scripts/lib/docker-state.ts";

const names = makeNames("t");
const running = (name: string, more: Partial<ContainerState> = {}): ContainerState => ({
  name,
  project: "",
  status: "running",
  exitCode: 0,
  health: "healthy",
  healthLine: "",
  restarts: 0,
  oomKilled: false,
  memory: 0,
  ...more,
});
const own = [running(names.traefik), running(names.notice)];
const webShop = [{ name: "web-shop", state: "running" as const }];

function wrongOnes(
  containers: ContainerState[],
  projects: { name: string; state: "running" | "stopped" }[] = webShop,
): string[] {
  return checkContainers([...own, ...containers], projects, names)
    .filter(({ verdict }) => verdict === "wrong")
    .map(({ text }) => text);
}

describe("doctor on containers", () => {
  it("is content with what runs and is healthy, and with what is stopped and is to be", () => {
    expect(wrongOnes([running(names.project("web-shop"))])).toEqual([]);
    expect(
      wrongOnes([running(names.project("a"), { status: "exited" })], [{ name: "a", state: "stopped" }]),
    ).toEqual([]);
  });

  it("names what is missing, stopped, unhealthy, restarting, out of memory, or without a clone", () => {
    const web = (more: Partial<ContainerState>) => wrongOnes([running(names.project("web-shop"), more)]);
    expect(wrongOnes([])).toEqual(["project web-shop: there is no container t-project-web-shop"]);
    expect(web({ status: "exited" })[0]).toMatch(/exited.*is to be running/);
    expect(web({ health: "unhealthy" })[0]).toMatch(/unhealthy/);
    expect(web({ restarts: 4 })[0]).toMatch(/restarted 4 times/);
    expect(web({ oomKilled: true })[0]).toMatch(/more memory/);
    expect(web({ healthLine: "serving; clone failed (attempt 3): no such host" })[0]).toMatch(/clone failed/);
  });

  it("finds containers of no entry", () => {
    expect(wrongOnes([running(names.project("old"))], [])).toEqual([
      "not in projects.yaml, but there: t-project-old",
    ]);
  });

  it("reads what docker inspect prints", () => {
    const text = JSON.stringify([
      {
        Name: "/t-project-a",
        RestartCount: 2,
        Config: { Labels: { "dev.opencode-platform.project": "a" } },
        HostConfig: { Memory: 1024 },
        State: {
          Status: "running",
          ExitCode: 0,
          OOMKilled: true,
          Health: { Status: "healthy", Log: [{ Output: "old" }, { Output: "serving; workspace: cloned\n" }] },
        },
      },
      { Name: "/t-traefik", State: { Status: "running", Health: { Log: null } } },
    ]);
    expect(parseContainers(text)).toEqual([
      running("t-project-a", {
        project: "a",
        restarts: 2,
        oomKilled: true,
        memory: 1024,
        healthLine: "serving; workspace: cloned",
      }),
      running("t-traefik", { health: "" }),
    ]);
    expect(parseContainers("")).toEqual([]);
  });

  it("compares what containers may use with what there is", () => {
    const gib = 2 ** 30;
    expect(checkMemory([running("a", { memory: gib })], 2 * gib).verdict).toBe("fine");
    expect(checkMemory([running("a", { memory: 3 * gib })], 2 * gib).verdict).toBe("note");
  });

  it("says how to mend", () => {
    expect(formatFinding(wrong("a: b", "npm start"))).toBe("✗ a: b\n    → npm start");
  });
});
