/** What the panel makes of paused containers, on real Docker: it runs nothing in them, and starts and stops them. The keeper's answers are the test's. */
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { PLATFORM_LABEL, PROJECT_LABEL } from "../../../config/naming/names.ts";
import { BASE_IMAGE } from "../../../config/versions.ts";
import { decideState } from "../../../operate/docker/container-state.ts";
import { makeControl } from "../../../operate/docker/control.ts";
import { openEngine } from "../../../operate/docker/engine.ts";
import { LogHub } from "../../../operate/docker/logs.ts";
import { requestSetup } from "../../../operate/docker/setup.ts";
import { UsageWatch } from "../../../operate/docker/usage.ts";
import { ContainerWatch } from "../../../operate/docker/watch.ts";
import { wakeFirst } from "../../../operate/keeper/awake.ts";
import { type KeeperAnswer, type Kept, makeKeeper, type SleepState } from "../../../operate/keeper/client.ts";
import { KeeperWatch } from "../../../operate/keeper/watch.ts";
import { dockerOver } from "../../../panel/server/platform/docker-client.ts";
import { dockerHost } from "../../../toolchain/lib/docker.ts";
import { docker, removeAll } from "../../support/docker.ts";
import { must, run as runProgram } from "../../support/run.ts";
import { waitFor } from "../../support/wait.ts";

const PREFIX = "e2e-paused";
const NAME = `${PREFIX}-project-shop`;
const since = "2026-11-30T03:12:00.000Z";
const engine = openEngine((dockerHost() ?? "").replace(/^unix:\/\//, ""));
const run = dockerOver(engine);
const containers = new ContainerWatch(engine, PREFIX);
const usage = new UsageWatch(engine, containers);

let kept: Kept = { project: "shop", state: "awake", since };
let woken: () => Promise<KeeperAnswer<SleepState>>;
const keeper = {
  projects: async () => ({ kind: "answered", value: [kept] }) as const,
  wake: () => woken(),
};
const sleep = new KeeperWatch(keeper, containers);
const control = makeControl({ engine, keeper, containerOf: () => NAME, servicesOf: () => [] });

const container = docker.getContainer(NAME);
const statusNow = async () => (await container.inspect()).State.Status;
const becomes = (state: string) =>
  waitFor(`the state ${state}`, () => {
    const decided = decideState(containers.ofProject("shop"), "running", sleep.of("shop"));
    return decided.state === state ? { done: decided } : { seen: decided };
  });

beforeAll(async () => {
  await removeAll(PREFIX);
  const labels = [`${PLATFORM_LABEL}=${PREFIX}`, `${PROJECT_LABEL}=shop`];
  const program = "trap 'echo in order; exit 0' TERM; echo hello; while :; do sleep 0.1; done";
  await must("docker", [
    ...["run", "-d", "--name", NAME, ...labels.flatMap((label) => ["--label", label])],
    ...[BASE_IMAGE, "sh", "-c", program],
  ]);
  await containers.start();
  usage.listen();
  sleep.listen();
});
afterEach(async () => {
  if ((await statusNow()) === "paused") await container.unpause();
});
afterAll(async () => {
  for (const watch of [usage, sleep, containers]) watch.close();
  await removeAll(PREFIX);
});

it("one that sleeps is asleep, and is looked at without a command in it", async () => {
  await becomes("running");
  await usage.settled(10_000);
  expect(usage.of("shop").memory).toBeDefined();
  kept = { project: "shop", state: "asleep", since };
  await container.pause();
  expect(await becomes("asleep")).toEqual({ state: "asleep", since });
  expect(usage.of("shop")).toEqual({});
  expect((await new LogHub(engine, containers).last("shop", 1)).map(({ text }) => text)).toEqual(["hello"]);
  // Docker runs no command in it, in either client's words.
  await expect(requestSetup(run, "shop", NAME)).rejects.toThrow("is not running");
  const { output } = await runProgram("docker", ["exec", NAME, "true"]);
  expect(
    await requestSetup(async () => ({ code: 1, stdout: "", stderr: output }), "shop", NAME).catch(String),
  ).toContain("is not running");
  woken = async () => ({ kind: "refused", reason: "its server has not answered within a minute" });
  await expect(wakeFirst({ run, prefix: PREFIX, keeper }, "shop")).rejects.toThrow(
    "is paused and can't be woken: its server has not answered within a minute",
  );
  expect(await statusNow()).toBe("paused");
});

it("one that an admin has paused is stopped, and is started by that", async () => {
  kept = { project: "shop", state: "stopped", since };
  await container.pause();
  expect(await becomes("stopped")).toEqual({ state: "stopped", reason: "paused" });
  woken = async () => ({ kind: "refused", reason: "shop is stopped: paused by hand" });
  expect(await control.start("shop")).toBe(true);
  expect(await statusNow()).toBe("running");
});

it("one that sleeps ends in order when it is stopped", async () => {
  kept = { project: "shop", state: "asleep", since };
  await container.pause();
  await becomes("asleep");
  woken = async () => {
    await container.unpause();
    return { kind: "answered", value: "awake" };
  };
  expect(await control.stop("shop")).toBe(true);
  const { State } = await container.inspect();
  expect([State.Status, State.ExitCode]).toEqual(["exited", 0]);
  expect((await must("docker", ["logs", NAME])).output).toContain("in order");
  await becomes("stopped");
});

it("a stack without a keeper is said to have none", async () => {
  expect(await makeKeeper(run, `${PREFIX}-keeper`).projects()).toMatchObject({ kind: "missing" });
});
