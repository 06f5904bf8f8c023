import { describe, expect, it } from "vitest";
import { makeNames } from "../../config/naming/names.ts";
import { type ContainerState, parseContainers } from "../../operate/docker/containers.ts";
import { dropletFinding, tunnelFinding, volumeFinding } from "../../operate/doctor/clouds.ts";
import { checkContainers } from "../../operate/doctor/containers.ts";
import { cloudInitFinding, mountFinding } from "../../operate/doctor/droplet.ts";
import type { FixCommands } from "../../operate/doctor/finding.ts";
import { failed, formatFinding } from "../../operate/doctor/finding.ts";
import { checkMemory, checkPlace } from "../../operate/doctor/machine.ts";
import { serviceTokenFindings } from "../../operate/doctor/service-tokens.ts";
import type { Kept } from "../../operate/keeper/client.ts";
import { parseDeployment } from "../../operate/state/checkpoint.ts";

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
  cpus: 0,
  pids: 0,
  networks: [],
  ...more,
});
const own = [names.traefik, names.guard, names.notice, names.keeper, names.storage].map((name) =>
  running(name),
);
const webShop = [{ name: "web-shop", state: "running" as const }];
const local: FixCommands = {
  apply: "npm start",
  pulumi: (args) => `npm run pulumi -- ${args}`,
  docker: (args) => `docker ${args}`,
  setup: (project) => `npm run setup -- ${project}`,
};

function wrongOnes(
  containers: ContainerState[],
  projects: { name: string; state: "running" | "stopped" }[] = webShop,
): string[] {
  return checkContainers({ containers: [...own, ...containers], projects, names, commands: local })
    .filter(({ verdict }) => verdict === "failed")
    .map(({ text }) => text);
}

describe("doctor on containers", () => {
  it("accepts healthy running containers, and stopped ones that should be", () => {
    expect(wrongOnes([running(names.project("web-shop"))])).toEqual([]);
    expect(
      wrongOnes([running(names.project("a"), { status: "exited" })], [{ name: "a", state: "stopped" }]),
    ).toEqual([]);
  });

  it("reports containers that are missing, stopped, unhealthy, restarting, out of memory, or without a clone", () => {
    const web = (more: Partial<ContainerState>) => wrongOnes([running(names.project("web-shop"), more)]);
    expect(wrongOnes([])).toEqual(["project web-shop: container t-project-web-shop not found"]);
    expect(web({ status: "exited" })[0]).toMatch(/exited.*expected running/);
    expect(web({ health: "unhealthy" })[0]).toMatch(/unhealthy/);
    expect(web({ restarts: 4 })[0]).toMatch(/restarted 4 times/);
    expect(web({ oomKilled: true })[0]).toMatch(/memory limit/);
    expect(web({ healthLine: "serving; clone failed (attempt 3): no such host" })[0]).toMatch(/clone failed/);
  });

  it("notes a setup that runs or has failed, with how to run it again, and takes nothing from its output for a fault", () => {
    const found = (healthLine: string, status = "running", output: readonly string[] = []) =>
      checkContainers({
        setupOutputs: new Map([[names.project("web-shop"), output]]),
        containers: [...own, running(names.project("web-shop"), { healthLine, status })],
        projects: webShop,
        names,
        commands: local,
      })
        .filter(({ text }) => text.includes("web-shop"))
        .map(formatFinding);
    expect(found("serving; setup: running: 0 failures; workspace: cloned x")).toEqual([
      "✓ project web-shop: running, healthy, serving; workspace: cloned x",
      "· setup of web-shop: running: 0 failures",
    ]);
    expect(found("serving; setup failed with exit code 1: npm ci: no; workspace: cloned x")).toEqual([
      "✓ project web-shop: running, healthy, serving; workspace: cloned x",
      "· setup of web-shop: failed with exit code 1: npm ci: no\n    → npm run setup -- web-shop; its output: docker exec t-project-web-shop tail -n 20 /home/opencode/.local/share/opencode-platform/setup.log",
    ]);
    expect(found("serving; setup failed with exit code 1: npm ci: no", "running", ["npm ci", "no"])[1]).toBe(
      "· setup of web-shop: failed with exit code 1: npm ci: no\n    │ npm ci\n    │ no\n    → npm run setup -- web-shop",
    );
    expect(found("serving; setup: running: 1", "exited").join()).not.toContain("setup of");
  });

  it("accepts a project that sleeps, with since when, and reports one that somebody has paused", () => {
    const since = "2026-11-30T03:12:44.000Z";
    const found = (
      kept?: Kept["state"],
      state: "running" | "stopped" = "running",
      status = "paused",
      held?: true,
    ) =>
      checkContainers({
        containers: [...own, running(names.project("web-shop"), { status })],
        projects: [{ name: "web-shop", state }] as never,
        names,
        commands: local,
        kept: kept && [{ project: "web-shop", state: kept, since, ...(held ? { held } : {}) }],
      })
        .filter(({ text }) => text.includes("web-shop"))
        .map(formatFinding);
    expect(found("asleep")).toEqual(["✓ project web-shop: asleep since 2026-11-30 03:12 UTC"]);
    expect(found("falling-asleep")[0]).toBe("✓ project web-shop: falling asleep since 2026-11-30 03:12 UTC");
    expect(found("waiting", "running", "running")[0]).toBe(
      "✓ project web-shop: waiting since 2026-11-30 03:12 UTC",
    );
    for (const status of ["exited", "running", "paused"])
      expect(found("parked", "running", status)).toEqual([
        "✓ project web-shop: being restored since 2026-11-30 03:12 UTC",
      ]);
    const paused =
      "✗ project web-shop: paused, healthy, expected running\n    → docker unpause t-project-web-shop; its log: docker logs --tail 50 t-project-web-shop";
    for (const kept of [undefined, "awake", "stopped"] as const) expect(found(kept)[0]).toBe(paused);
    expect(found("awake", "running", "paused", true)[0]).toBe(
      "✓ project web-shop: paused while its files are copied",
    );
    expect(found("asleep", "stopped")[0]).toBe(
      "✗ project web-shop: running, expected stopped\n    → docker stop t-project-web-shop",
    );
  });

  it("accepts a stopped project, whatever its last health was", () => {
    const container = running(names.project("web-shop"), { status: "exited", health: "unhealthy" });
    const stopped = [{ name: "web-shop", state: "stopped" as const }];
    expect(wrongOnes([container], stopped)).toEqual([]);
  });

  it("reports containers without an entry", () => {
    expect(wrongOnes([running(names.project("old"))], [])).toEqual([
      "running but not in projects.yaml: t-project-old",
    ]);
  });

  it("says where no packet rules are in force: a note on this machine, a fault on a droplet", () => {
    const guard = running(names.guard, {
      health: "unhealthy",
      healthLine: "failed: no packet rules: Operation not permitted",
    });
    const containers = [...own.filter(({ name }) => name !== names.guard), guard];
    const found = (hasConnector: boolean) =>
      checkContainers({ containers, projects: [], names, hasConnector, commands: local })[0];
    expect(found(false)).toMatchObject({
      verdict: "note",
      text: expect.stringMatching(
        /^guard: no packet rules: Operation not permitted: projects reach this machine/,
      ),
    });
    expect(found(true)).toMatchObject({ verdict: "failed", text: expect.stringContaining("not permitted") });
  });

  it("parses docker inspect", () => {
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

  it("have a health line without anything that a terminal obeys", () => {
    const Output = "serving\n\u001b]52;c;cm0=\u0007not serving: \u001b[2K\u202e\u009bm\r; workspace: kept\n";
    const [container] = parseContainers(
      JSON.stringify([{ Name: "/a", State: { Health: { Log: [{ Output }] } } }]),
    );
    expect(container?.healthLine).toBe("not serving: ; workspace: kept");
  });

  it("compares memory limits with the host's memory", () => {
    const gib = 2 ** 30;
    expect(checkMemory([running("a", { memory: gib })], 2 * gib).verdict).toBe("ok");
    expect(checkMemory([running("a", { memory: 3 * gib })], 2 * gib).verdict).toBe("note");
  });

  it("has workspaces outside of the checkout, or is told how to move them there", () => {
    const place = (path: string, kind: "legacy" | "setting" | "default") =>
      checkPlace({ path, kind }, "/home/ann/platform", "/home/ann/.local/share/x/it's");
    expect(place("/home/ann/platform-data", "setting")).toEqual([]);
    expect(place("/home/ann/.local/share/x/it's", "default")).toEqual([]);
    expect(place("/home/ann/platform/.workspaces", "legacy")).toEqual([
      {
        verdict: "note",
        text: expect.stringMatching(/^workspaces: inside the checkout/),
        fix: "npm run down && mkdir -p '/home/ann/.local/share/x' && mv '/home/ann/platform/.workspaces' '/home/ann/.local/share/x/it'\\''s' && npm start",
      },
    ]);
    expect(place("/home/ann/platform/w", "setting")[0]?.fix).toContain(
      "config rm opencode-platform:workspacesDir",
    );
  });

  it("shows the fix", () => {
    expect(formatFinding(failed("a: b", "npm start"))).toBe("✗ a: b\n    → npm start");
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

  it("parses cloud-init's status", () => {
    const judge = (value: unknown) => cloudInitFinding(JSON.stringify(value));
    expect(judge({ status: "done", errors: [], recoverable_errors: {} }).verdict).toBe("ok");
    expect(judge({ status: "done", recoverable_errors: { WARNING: ["a\nb"] } })).toMatchObject({
      verdict: "note",
      text: "cloud-init: done, with warnings: a",
    });
    expect(judge({ status: "running" }).verdict).toBe("note");
    expect(judge({ status: "error", errors: ["('scripts-user', no)"] }).text).toMatch(
      /error: \('scripts-user', no\)/,
    );
    expect(cloudInitFinding("command not found").verdict).toBe("failed");
  });

  it("requires the volume mounted, with free space", () => {
    const mount = (avail: number) =>
      JSON.stringify({ filesystems: [{ target: "/workspaces", source: "/dev/sda", avail }] });
    expect(mountFinding(mount(3 * 2 ** 30))).toMatchObject({
      verdict: "ok",
      text: "volume: /dev/sda at /workspaces, 3.0 GiB free",
    });
    expect(mountFinding(mount(2 ** 30)).verdict).toBe("failed");
    expect(mountFinding("").text).toBe("volume: nothing is mounted at /workspaces");
  });

  it("reports what the clouds no longer have, and a droplet that is off", () => {
    expect(dropletFinding("7", droplet, apply).verdict).toBe("ok");
    expect(dropletFinding("7", undefined, apply)).toMatchObject({
      verdict: "failed",
      fix: `${apply} to create a new one`,
    });
    expect(dropletFinding("7", { ...droplet, status: "off" }, apply).fix).toMatch(/power-on 7/);
    const volume = { id: "v", name: "w", createdAt: "", dropletIds: ["7"] };
    expect(volumeFinding("v", volume, "7", apply).verdict).toBe("ok");
    expect(volumeFinding("v", volume, "8", apply).text).toMatch(/not attached/);
    expect(volumeFinding("v", undefined, "7", apply).fix).toMatch(/recovery/);
    const tunnel = { id: "t", name: "opencode-prod", status: "healthy", connections: 4 };
    expect(tunnelFinding("t", tunnel, apply).verdict).toBe("ok");
    expect(tunnelFinding("t", { ...tunnel, status: "degraded" }, apply).verdict).toBe("note");
    expect(tunnelFinding("t", { ...tunnel, status: "down", connections: 0 }, apply).verdict).toBe("failed");
    expect(tunnelFinding("t", undefined, apply).verdict).toBe("failed");
  });

  it("expects the connector and the panel, and shows commands for that host", () => {
    const commands = { ...local, apply, docker: (args: string) => `ssh droplet docker ${args}` };
    const containers = [...own, running(names.project("web-shop"), { status: "exited" })];
    const found = checkContainers({
      containers,
      projects: webShop,
      names,
      hasConnector: true,
      hasPanel: true,
      commands,
    });
    expect(found.filter(({ verdict }) => verdict === "failed")).toEqual([
      failed("connector: container t-connector not found", apply),
      failed("panel: container t-panel not found", apply),
      failed(
        "project web-shop: exited, healthy, expected running",
        `${apply}; its log: ssh droplet docker logs --tail 50 t-project-web-shop`,
      ),
    ]);
  });
});

describe("doctor on service tokens", () => {
  const now = new Date("2027-06-01T12:00:00Z");
  const type = "cloudflare:index/zeroTrustAccessServiceToken:ZeroTrustAccessServiceToken";
  const urn = (name: string) =>
    `urn:pulumi:prod::opencode-platform::opencode:platform:Access$${type}::${name}`;
  const state = parseDeployment({
    deployment: {
      resources: [
        { urn: urn("service-token"), type, id: "1", outputs: { name: "p token for ci-ssh" } },
        { urn: urn("old"), type, id: "2", delete: true },
        { urn: "urn:pulumi:prod::p::t::tunnel", type: "t", id: "3" },
      ],
    },
  });
  const findings = (expiresAt: string | undefined, id = "1") => {
    const token = { id, name: "p token for ci-ssh", ...(expiresAt ? { expiresAt } : {}) };
    const others = [{ id: "2", name: "p token for ci-ssh", expiresAt: "2027-01-01T00:00:00Z" }];
    return serviceTokenFindings([...others, token], state, local, now);
  };

  it("warns from 30 days before one ends, and says how to renew it", () => {
    expect(findings("2027-07-01T12:00:00Z")).toEqual([
      { verdict: "ok", text: 'service token: "p token for ci-ssh" is valid until 2027-07-01' },
    ]);
    const [soon, ...others] = findings("2027-07-01T11:59:59Z");
    expect(others).toEqual([]);
    expect(soon).toMatchObject({
      verdict: "note",
      text: 'service token: "p token for ci-ssh" expires on 2027-07-01, in 29 days',
      fix: expect.stringMatching(/Refresh.*npm run pulumi -- up --replace '\*\*::service-token'/),
    });
  });

  it("fails once it has ended, or is gone", () => {
    expect(findings("2027-06-01T12:00:00Z")[0]).toMatchObject({
      verdict: "failed",
      text: expect.stringContaining("expired on 2027-06-01"),
      fix: expect.stringContaining("--replace"),
    });
    expect(findings("2028-06-01T12:00:00Z", "9")[0]).toEqual({
      verdict: "failed",
      text: 'service token: "p token for ci-ssh" no longer exists',
      fix: "npm start",
    });
  });

  it("notes one that never ends", () => {
    expect(findings(undefined)[0]).toMatchObject({ verdict: "note", text: expect.stringMatching(/never/) });
  });
});
