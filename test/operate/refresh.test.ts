import { describe, expect, it } from "vitest";
import { UserError } from "../../config/errors.ts";
import { OPENCODE } from "../../config/versions.ts";
import { apiFor } from "../../opencode/api/index.ts";
import type { ContainerState } from "../../operate/docker/containers.ts";
import { whyInUse } from "../../operate/opencode/in-use.ts";
import { type RefreshParts, refreshDay, refreshImages } from "../../operate/opencode/refresh.ts";

const now = new Date("2027-06-20T12:00:00Z");
const TODAY = "2027-06-20";

describe("the day of a refresh", () => {
  it.each([
    ["never refreshed", { packages: "", packagesOf: {} }, TODAY],
    ["refreshed earlier", { packages: "2027-06-01", packagesOf: {} }, TODAY],
    ["refreshed today", { packages: TODAY, packagesOf: {} }, `${TODAY}.2`],
    ["refreshed twice today", { packages: `${TODAY}.2`, packagesOf: {} }, `${TODAY}.3`],
    ["unfinished", { packages: "", packagesOf: { a: "2027-06-18", b: "2027-06-19" } }, "2027-06-19"],
    ["unfinished for too long", { packages: "", packagesOf: { a: "2027-06-01" } }, TODAY],
    ["all but tidied up", { packages: "2027-06-19", packagesOf: { a: "2027-06-19" } }, TODAY],
  ])("of a stack that is %s", (_, settings, day) => {
    expect(refreshDay(settings, now)).toBe(day);
  });
});

describe("a refresh", () => {
  /** A stack whose config and updates are noted. */
  function stack(settings: RefreshParts["settings"], reasons: Readonly<Record<string, string>> = {}) {
    const did: string[] = [];
    const said: string[] = [];
    const parts: RefreshParts = {
      projects: [{ name: "a" }, { name: "b" }, { name: "c" }],
      settings,
      now,
      whyBusy: async (name) => reasons[name],
      configure: async (key, value) => {
        did.push(`${key.replace("opencode-platform:", "")} = ${value ?? "-"}`);
      },
      apply: async (name) => {
        did.push(`apply ${name}`);
        if (name === "broken") throw new UserError("engine", [{ where: name, what: "failed" }]);
      },
      applyAll: async () => {
        did.push("apply all");
      },
      notify: (line) => said.push(line),
    };
    return { parts, did, said };
  }

  it("goes from project to project, and then to the platform's own containers", async () => {
    const { parts, did } = stack({ packages: "2027-06-01", packagesOf: {} });
    expect(await refreshImages(parts)).toEqual([]);
    const projects = ["a", "b", "c"];
    expect(did).toEqual([
      ...projects.flatMap((name) => [`packages/${name} = ${TODAY}`, `apply ${name}`]),
      `packages = ${TODAY}`,
      ...projects.map((name) => `packages/${name} = -`),
      "apply all",
    ]);
  });

  it("skips and names who is in use, and goes on with them later", async () => {
    const first = stack({ packages: "", packagesOf: {} }, { b: "its agent is working" });
    expect(await refreshImages(first.parts)).toEqual(["b"]);
    expect(first.did).toEqual([`packages/a = ${TODAY}`, "apply a", `packages/c = ${TODAY}`, "apply c"]);
    expect(first.said).toContain("b: keeps its image for now: its agent is working");
    const later = stack({ packages: "", packagesOf: { a: "2027-06-19", c: "2027-06-19" } });
    expect(await refreshImages(later.parts)).toEqual([]);
    expect(later.did.slice(0, 3)).toEqual(["packages/b = 2027-06-19", "apply b", "packages = 2027-06-19"]);
  });

  it("ends at an update that fails, whose project keeps its image", async () => {
    const { parts, did } = stack({ packages: "", packagesOf: { broken: "2027-01-01" } });
    const projects = [{ name: "broken" }, { name: "c" }];
    await expect(refreshImages({ ...parts, projects })).rejects.toThrow("failed");
    expect(did).toEqual([`packages/broken = ${TODAY}`, "apply broken", "packages/broken = 2027-01-01"]);
  });
});

describe("a project is in use", () => {
  const container = {
    name: "t-project-a",
    status: "running",
    health: "healthy",
    healthLine: "serving",
  } as ContainerState;
  const ask = (answers: { busy?: string; sessions?: string }, state: Partial<ContainerState> = {}) => {
    const run = async (args: readonly string[]) => {
      const body = args.at(-1)?.includes(apiFor(OPENCODE).busy.path) ? answers.busy : answers.sessions;
      return { code: body === undefined ? 22 : 0, stdout: body ?? "", stderr: body ?? "no answer" };
    };
    return whyInUse(run, { ...container, ...state }, OPENCODE, now.getTime());
  };
  const used = (minutesAgo: number) =>
    JSON.stringify([
      { id: "ses_1", title: "t", time: { created: 1, updated: now.getTime() - minutesAgo * 60_000 } },
    ]);

  it("while its agent works, and for a quarter of an hour after its last session's use", async () => {
    expect(await ask({ busy: '{"ses_1":{"type":"busy"}}', sessions: "[]" })).toBe("its agent is working");
    expect(await ask({ busy: "{}", sessions: used(14) })).toMatch(/less than 15 minutes ago/);
    expect(await ask({ busy: "{}", sessions: used(16) })).toBeUndefined();
  });

  it("while it starts, and if it says nothing", async () => {
    expect(await ask({}, { health: "starting" })).toBe("it is starting");
    expect(await ask({}, { healthLine: "serving; setup: running: 1; workspace: x" })).toBe(
      "its setup is running",
    );
    expect(await ask({})).toMatch(/does not say/);
    expect(await ask({ busy: "<html>", sessions: "[]" })).toMatch(/does not say/);
  });

  it("not while nothing runs in it", async () => {
    expect(await ask({}, { status: "exited" })).toBeUndefined();
    expect(await ask({}, { status: "paused" })).toBeUndefined();
    expect(await ask({}, { health: "unhealthy" })).toBeUndefined();
    expect(await whyInUse(async () => ({ code: 1, stdout: "", stderr: "" }), undefined, OPENCODE, 0)).toBe(
      undefined,
    );
  });
});
