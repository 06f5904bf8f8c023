import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { docker } from "./support/docker.ts";
import { ask } from "./support/http.ts";
import { requestLoop } from "./support/loop.ts";
import { type Entry, Platform, type Updated } from "./support/platform.ts";
import { answering } from "./support/ready.ts";

const platform = new Platform();
const { port } = platform.fixture;
const gamma: Entry = { name: "gamma", env: { COLOUR: "red" } };

/** Applies the two projects of the baseline and these, while a loop of requests asks the two; nothing of theirs may change or fail. */
async function applyBeside(entries: readonly Entry[]): Promise<Updated> {
  const before = await platform.ids();
  const loop = requestLoop(port, ["alpha", "beta"]);
  const updated = await platform.apply([...platform.baseline(), ...entries]).finally(() => loop.stop());
  const { sent, failures } = await loop.stop();
  expect(failures).toEqual([]);
  expect(sent).toBeGreaterThan(10);
  const after = await platform.ids();
  for (const name of Object.keys(before)) {
    if (name !== platform.container("gamma")) expect([name, after[name]]).toEqual([name, before[name]]);
  }
  return updated;
}

/** What an update changed, less the stack itself, whose outputs follow. */
function changedResources({ changes }: Updated): { op: string; name: string }[] {
  return changes
    .map(({ op, urn }) => ({ op, name: urn.split("::").at(-1) ?? "", type: urn.split("::").at(-2) ?? "" }))
    .filter(({ type }) => type !== "pulumi:pulumi:Stack")
    .map(({ op, name }) => ({ op, name }));
}

function expectOnlyGamma(updated: Updated): void {
  const changed = changedResources(updated);
  expect(changed.length).toBeGreaterThan(0);
  for (const { name } of changed) expect(name).toMatch(/^gamma(-|$)/);
}

const gammaState = async () => (await docker.getContainer(platform.container("gamma")).inspect()).State;
const gammaPage = () => ask({ port, host: `gamma.localhost:${port}`, headers: { accept: "text/html" } });

describe("editing projects.yaml", () => {
  beforeAll(async () => {
    await platform.apply(platform.baseline());
    for (const name of ["alpha", "beta"]) await answering(platform, name);
  });

  afterAll(async () => {
    await platform.apply(platform.baseline());
  });

  it("changes nothing when nothing was edited", async () => {
    const before = await platform.ids();
    const updated = await platform.update();
    expect(updated.code, updated.output).toBe(0);
    expect(updated.changes).toEqual([]);
    expect(updated.output).toMatch(/\d+ unchanged/);
    expect(await platform.ids()).toEqual(before);
  });

  it("adds an entry and touches no other", async () => {
    expectOnlyGamma(await applyBeside([gamma]));
    await answering(platform, "gamma");
    writeFileSync(join(platform.workspace("gamma"), "kept.txt"), "by gamma");
    const { body } = await ask({
      port,
      path: "/p/gamma/session",
      method: "POST",
      body: { title: "from before" },
    });
    expect(JSON.parse(body)).toMatchObject({ title: "from before" });
  });

  it("changes an entry and touches no other; workspace and sessions stay", async () => {
    const changed = { ...gamma, env: { COLOUR: "blue" }, resources: { memory: "1536MiB" } };
    expectOnlyGamma(await applyBeside([changed]));
    await answering(platform, "gamma");
    const { Config, HostConfig } = await docker.getContainer(platform.container("gamma")).inspect();
    expect(Config.Env).toContain("COLOUR=blue");
    expect(HostConfig.Memory).toBe(1536 * 2 ** 20);
    expect(readFileSync(join(platform.workspace("gamma"), "kept.txt"), "utf8")).toBe("by gamma");
    const { body } = await ask({ port, path: "/p/gamma/session" });
    expect(JSON.parse(body)).toEqual([expect.objectContaining({ title: "from before" })]);
    expectOnlyGamma(await applyBeside([gamma]));
    await answering(platform, "gamma");
  });

  it("stops an entry, keeps its container, and says so at its URL", async () => {
    const id = (await platform.ids())[platform.container("gamma")];
    expectOnlyGamma(await applyBeside([{ ...gamma, state: "stopped" }]));
    expect(await gammaState()).toMatchObject({ Running: false });
    expect((await platform.ids())[platform.container("gamma")]).toBe(id);
    const { status, body, headers } = await gammaPage();
    expect(status).toBe(503);
    expect(headers["content-type"]).toContain("text/html");
    expect(body).toContain("gamma is stopped");
    expect((await ask({ port, path: "/p/gamma/session" })).status).toBe(503);
    expect((await platform.update()).changes).toEqual([]);
    expect(await gammaState()).toMatchObject({ Running: false });
  });

  it("starts it again: the same container, with its workspace", async () => {
    const id = (await platform.ids())[platform.container("gamma")];
    expectOnlyGamma(await applyBeside([gamma]));
    await answering(platform, "gamma");
    expect((await platform.ids())[platform.container("gamma")]).toBe(id);
    expect(readFileSync(join(platform.workspace("gamma"), "kept.txt"), "utf8")).toBe("by gamma");
    expect((await platform.update()).changes).toEqual([]);
  });

  it("gives one project a new password and touches no other", async () => {
    const asGamma = async () =>
      (await platform.pulumi("stack", "output", "projects", "--json", "--show-secrets")).stdout;
    expect(await asGamma()).toContain("gamma");
    await platform.configure("opencode-platform:passwordRotation/gamma", "2");
    const changed = changedResources(await applyBeside([gamma]));
    expect(changed.map(({ name }) => name)).toContain("gamma-password");
    for (const { name } of changed) expect(name).toMatch(/^gamma(-|$)/);
    await answering(platform, "gamma");
  });

  it("removes an entry and touches no other; the workspace stays and is found again", async () => {
    expectOnlyGamma(await applyBeside([]));
    expect(await platform.ids()).not.toHaveProperty(platform.container("gamma"));
    expect((await gammaPage()).status).toBe(404);
    expect(existsSync(platform.path(".runtime", "routes", "gamma.yml"))).toBe(false);
    expect(readFileSync(join(platform.workspace("gamma"), "kept.txt"), "utf8")).toBe("by gamma");
    expectOnlyGamma(await applyBeside([gamma]));
    await answering(platform, "gamma");
    const { body } = await ask({ port, path: "/p/gamma/file/content?path=kept.txt" });
    expect(JSON.parse(body)).toMatchObject({ content: "by gamma" });
  });
});
