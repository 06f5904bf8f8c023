import { describe, expect, it } from "vitest";
import { makeNames } from "../../config/naming/names.ts";
import { type ContainerState, parseContainers } from "../../operate/docker/containers.ts";
import { judgeDroplet, judgeTunnel, judgeVolume } from "../../operate/doctor/clouds.ts";
import { checkContainers } from "../../operate/doctor/containers.ts";
import { judgeCloudInit, judgeMount } from "../../operate/doctor/droplet.ts";
import { formatFinding, wrong } from "../../operate/doctor/finding.ts";
import { checkMemory } from "../../operate/doctor/machine.ts";

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

describe("doctor on a droplet", () => {
  const apply = "npm run pulumi -- up --stack prod";
  const droplet = {
    id: "7",
    name: "opencode-prod",
    status: "active",
    createdAt: "",
    volumeIds: [],
    size: "s-4vcpu-8gb",
    disk: 160,
  };

  it("reads cloud-init's own account", () => {
    const judge = (value: unknown) => judgeCloudInit(JSON.stringify(value));
    expect(judge({ status: "done", errors: [], recoverable_errors: {} }).verdict).toBe("fine");
    expect(judge({ status: "done", recoverable_errors: { WARNING: ["a\nb"] } })).toMatchObject({
      verdict: "note",
      text: "cloud-init: done, with warnings: a",
    });
    expect(judge({ status: "running" }).verdict).toBe("note");
    expect(judge({ status: "error", errors: ["('scripts-user', no)"] }).text).toMatch(
      /error: \('scripts-user', no\)/,
    );
    expect(judgeCloudInit("command not found").verdict).toBe("wrong");
  });

  it("wants the volume mounted, with room on it", () => {
    const mount = (avail: number) =>
      JSON.stringify({ filesystems: [{ target: "/workspaces", source: "/dev/sda", avail }] });
    expect(judgeMount(mount(3 * 2 ** 30))).toMatchObject({
      verdict: "fine",
      text: "volume: /dev/sda at /workspaces, 3.0 GiB free",
    });
    expect(judgeMount(mount(2 ** 30)).verdict).toBe("wrong");
    expect(judgeMount("").text).toBe("volume: nothing is mounted at /workspaces");
  });

  it("says what the clouds no longer have, and what is off", () => {
    expect(judgeDroplet("7", droplet, apply).verdict).toBe("fine");
    expect(judgeDroplet("7", undefined, apply)).toMatchObject({
      verdict: "wrong",
      fix: `${apply}, which makes a new one`,
    });
    expect(judgeDroplet("7", { ...droplet, status: "off" }, apply).fix).toMatch(/power-on 7/);
    const volume = { id: "v", name: "w", createdAt: "", dropletIds: ["7"] };
    expect(judgeVolume("v", volume, "7", apply).verdict).toBe("fine");
    expect(judgeVolume("v", volume, "8", apply).text).toMatch(/not attached/);
    expect(judgeVolume("v", undefined, "7", apply).fix).toMatch(/recovery/);
    const tunnel = { id: "t", name: "opencode-prod", status: "healthy", connections: 4 };
    expect(judgeTunnel("t", tunnel, apply).verdict).toBe("fine");
    expect(judgeTunnel("t", { ...tunnel, status: "degraded" }, apply).verdict).toBe("note");
    expect(judgeTunnel("t", { ...tunnel, status: "down", connections: 0 }, apply).verdict).toBe("wrong");
    expect(judgeTunnel("t", undefined, apply).verdict).toBe("wrong");
  });

  it("wants the connector there, and tells commands for that machine", () => {
    const remedies = { apply, docker: (args: string) => `ssh droplet docker ${args}` };
    const found = checkContainers(
      [...own, running(names.project("web-shop"), { status: "exited" })],
      webShop,
      names,
      {
        hasConnector: true,
        remedies,
      },
    );
    expect(found.filter(({ verdict }) => verdict === "wrong")).toEqual([
      wrong("connector: there is no container t-connector", apply),
      wrong(
        "project web-shop: exited, healthy, but is to be running",
        `${apply}; its log: ssh droplet docker logs --tail 50 t-project-web-shop`,
      ),
    ]);
  });
});
