import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { docker } from "../../support/docker.ts";
import { type Entry, Platform } from "../../support/platform.ts";
import { answering } from "../../support/ready.ts";

const platform = new Platform();
const epsilon: Entry = { name: "epsilon", env: { COLOUR: "red" } };
const environment = async () =>
  (await docker.getContainer(platform.container("epsilon")).inspect()).Config.Env;

/** Ids of all containers except epsilon's. */
async function others(): Promise<Record<string, string>> {
  const { [platform.container("epsilon")]: _, ...rest } = await platform.ids();
  return rest;
}

async function apply(name: string) {
  const before = await others();
  const applied = await platform.script("apply", name);
  expect(await others()).toEqual(before);
  return applied;
}

/** Checks that an update has no changes. */
async function expectNothingToDo(): Promise<void> {
  const { changes, output } = await platform.update();
  expect(changes, output).toEqual([]);
  expect(output).toMatch(/Resources:\n +\d+ unchanged\n/);
}

describe("npm run apply -- <name>", () => {
  beforeAll(async () => {
    await platform.reset();
  });
  afterAll(async () => {
    await platform.reset();
  });

  it("adds a project, touches no other, and leaves a full update nothing to do", async () => {
    platform.write([...platform.baseline(), epsilon]);
    const { code, output } = await apply("epsilon");
    expect(code, output).toBe(0);
    await answering(platform, "epsilon");
    await expectNothingToDo();
  });

  it("changes a project in the same way", async () => {
    platform.write([...platform.baseline(), { ...epsilon, env: { COLOUR: "blue" } }]);
    const { code, output } = await apply("epsilon");
    expect(code, output).toBe(0);
    expect(await environment()).toContain("COLOUR=blue");
    await answering(platform, "epsilon");
    await expectNothingToDo();
  });

  it("refuses if another project has changed too, and changes nothing", async () => {
    const [alpha, ...rest] = platform.baseline();
    if (!alpha) throw new Error("no alpha");
    platform.write([{ ...alpha, env: { ROUND: "2" } }, ...rest, epsilon]);
    const { code, output } = await apply("epsilon");
    expect(code).not.toBe(0);
    expect(output).toContain("epsilon: can't be updated alone: alpha has changed too");
    expect(await environment()).toContain("COLOUR=blue");
  });

  it("refuses an unknown name", async () => {
    platform.write(platform.baseline());
    const { code, output } = await apply("nowhere");
    expect(code).not.toBe(0);
    expect(output).toContain("nowhere: is not in projects.yaml");
  });
});
