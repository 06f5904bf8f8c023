/**
 * Hidden drift: each kind is caused by hand, found by `npm run doctor`, and fixed by the command that doctor
 * shows.
 */
import { existsSync, rmSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { LOCAL_RUNTIME_DIR, ROUTES_DIR, routeFileName } from "../../../config/naming/names.ts";
import { docker } from "../../support/docker.ts";
import { type Entry, Platform } from "../../support/platform.ts";
import { answering } from "../../support/ready.ts";
import { must } from "../../support/run.ts";

const platform = new Platform();
const idle: Entry = { name: "idle", state: "stopped" };
const alpha = docker.getContainer(platform.container("alpha"));
const route = platform.path(LOCAL_RUNTIME_DIR, ROUTES_DIR, routeFileName("alpha"));

/** Doctor's findings with a fix, as `text` → command. */
async function problems(): Promise<Record<string, string>> {
  const { output } = await platform.script("doctor");
  const found = [...output.matchAll(/^✗ (.*)\n {4}→ (.*)$/gm)];
  return Object.fromEntries(found.map(([, text = "", fix = ""]) => [text, fix]));
}

/** Breaks something, and expects doctor to find exactly that, and its command to fix it. */
async function expectFound(text: RegExp, breakIt: () => Promise<unknown>): Promise<void> {
  const before = await problems();
  await breakIt();
  const found = Object.entries(await problems()).filter(([each]) => before[each] === undefined);
  expect(found.map(([each]) => each)).toEqual([expect.stringMatching(text)]);
  // A plain update does not detect it.
  const update = await platform.update();
  expect(update.changes, update.output).toEqual([]);
  const [[, fix = ""] = []] = found;
  await must("sh", ["-c", /^npm run pulumi -- up/.test(fix) ? `${fix} --yes --skip-preview` : fix], {
    cwd: platform.fixture.root,
    env: process.env,
  });
  expect(await problems()).toEqual(before);
}

describe("drift that no update sees", () => {
  beforeAll(async () => {
    await platform.apply([...platform.baseline(), idle]);
    for (const name of ["alpha", "beta"]) await answering(platform, name);
  });

  afterAll(async () => {
    await platform.reset();
  });

  it("a route file is removed", async () => {
    await expectFound(/^route of alpha: file missing$/, async () => rmSync(route));
    expect(existsSync(route)).toBe(true);
    await answering(platform, "alpha");
  });

  it("a container is disconnected from its network", async () => {
    const { id } = await alpha.inspect().then(({ Id }) => ({ id: Id }));
    await expectFound(/^project alpha: not on the network /, () =>
      docker.getNetwork(platform.names.projectNetwork("alpha")).disconnect({ Container: id }),
    );
    await answering(platform, "alpha");
    expect((await alpha.inspect()).Id).toBe(id);
  });

  it("a container's CPU limit is changed", async () => {
    await expectFound(/^project alpha: limited to 0.2 processors, expected 1$/, () =>
      alpha.update({ CpuPeriod: 100_000, CpuQuota: 20_000 }),
    );
    expect((await alpha.inspect()).HostConfig.CpuQuota).toBe(100_000);
  });

  it("a stopped project is started", async () => {
    const container = docker.getContainer(platform.container("idle"));
    await expectFound(/^project idle: running, expected stopped$/, () => container.start());
    expect((await container.inspect()).State.Running).toBe(false);
  });
});
