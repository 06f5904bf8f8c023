/** In which order a stack is restarted, and how one project is, with and without a keeper. */
import { describe, expect, it } from "vitest";
import { makeNames } from "../../config/naming/names.ts";
import type { RunDocker } from "../../operate/docker/containers.ts";
import { restartAll, restartProject } from "../../operate/docker/restart.ts";

const names = makeNames("oc");
const PREFIX = "dev.opencode-platform.prefix";

interface Fake {
  readonly name: string;
  readonly project?: string;
  readonly service?: string;
  readonly status?: string;
}

/** A Docker with these containers, and what it was asked to do. */
function docker(
  containers: readonly Fake[],
  { hasKeeper = true, line = "serving; workspace: cloned main" } = {},
) {
  const done: string[] = [];
  const inspected = ({ name, project, service, status = "running" }: Fake) => ({
    Name: `/${name}`,
    Config: {
      Labels: {
        [PREFIX]: "oc",
        ...(project ? { "dev.opencode-platform.project": project } : {}),
        ...(service ? { "dev.opencode-platform.service": service } : {}),
      },
    },
    State: { Status: status, Health: { Status: "healthy", Log: [{ Output: line }] } },
  });
  const run: RunDocker = async (args) => {
    const [verb, ...rest] = args;
    const project = rest
      .find((each) => each.includes("project="))
      ?.split("=")
      .at(-1);
    const own = containers.filter((each) => project === undefined || each.project === project);
    if (verb === "ps") return { code: 0, stdout: own.map(({ name }) => name).join("\n"), stderr: "" };
    if (verb === "container") {
      const found = containers.filter(({ name }) => rest.includes(name));
      return { code: 0, stdout: JSON.stringify(found.map(inspected)), stderr: "" };
    }
    done.push(args.join(" ").replace(/\/usr\/local\/lib\/opencode-platform\//, ""));
    const isAsked = verb === "exec" && rest[0] === names.keeper;
    return isAsked && !hasKeeper
      ? { code: 1, stdout: "", stderr: "No such container" }
      : { code: 0, stdout: isAsked ? '{"state":"waiting"}' : "{}", stderr: "" };
  };
  return { run, done };
}

const web = { name: names.project("web"), project: "web" };

describe("one project", () => {
  it("is restarted by the keeper, which looks at it first", async () => {
    const { run, done } = docker([web]);
    expect(await restartProject(run, names, "web")).toBe("serving; workspace: cloned main");
    expect(done).toEqual(["exec oc-keeper keeper/ask restart web"]);
  });

  it("is restarted and let go where there is no keeper", async () => {
    const { run, done } = docker([web], { hasKeeper: false });
    await restartProject(run, names, "web");
    expect(done.slice(1)).toEqual(["restart --time 10 oc-project-web", "exec oc-project-web gate go"]);
  });

  it("is refused when it does not run", async () => {
    for (const containers of [[], [{ ...web, status: "exited" }]])
      await expect(restartProject(docker(containers).run, names, "web")).rejects.toThrow(
        "web: is not running, so there is nothing to restart",
      );
  });
});

it("restarts everything in the order in which it depends on each other, and leaves what sleeps", async () => {
  const { run, done } = docker([
    { name: names.connector },
    { name: names.panel },
    web,
    { name: names.project("api"), project: "api" },
    { name: names.project("idle"), project: "idle", status: "paused" },
    { name: names.project("off"), project: "off", status: "exited" },
    { name: names.service("web", "db"), project: "web", service: "db" },
    { name: names.notice },
    { name: names.traefik },
    { name: names.storage },
    { name: names.keeper },
    { name: names.guard },
  ]);
  const said: string[] = [];
  expect(await restartAll(run, names, (text) => said.push(text))).toEqual([]);
  const restart = (...containers: string[]) => containers.map((name) => `restart --time 10 ${name}`);
  expect(done).toEqual([
    ...restart("oc-guard", "oc-keeper", "oc-storage", "oc-traefik", "oc-notice", names.service("web", "db")),
    "exec oc-keeper keeper/ask restart api",
    "exec oc-keeper keeper/ask restart web",
    ...restart("oc-panel", "oc-connector"),
  ]);
  expect(said).toContain("idle: is asleep, and is left so");
  expect(said).toContain("web: serving; workspace: cloned main");
});
