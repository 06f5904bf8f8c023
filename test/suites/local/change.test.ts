import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { docker, execIn } from "../../support/docker.ts";
import { ask, visit } from "../../support/http.ts";
import { requestLoop } from "../../support/loop.ts";
import { callAt, PROTECTED_PATH, projectApi } from "../../support/opencode.ts";
import { type Entry, Platform, type Updated } from "../../support/platform.ts";
import { answering } from "../../support/ready.ts";
import { waitFor } from "../../support/wait.ts";

const platform = new Platform();
const { port } = platform.fixture;
const gamma: Entry = { name: "gamma", env: { COLOUR: "red" } };

/**
 * Applies the two projects of the baseline and these during a loop of requests to the two; nothing of theirs
 * may change or fail.
 */
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

/** The changes of an update, without the stack, whose outputs follow. */
function changedResources({ changes }: Updated): { op: string; name: string }[] {
  return changes
    .map(({ op, urn }) => ({ op, name: urn.split("::").at(-1) ?? "", type: urn.split("::").at(-2) ?? "" }))
    .filter(({ type }) => type !== "pulumi:pulumi:Stack")
    .map(({ op, name }) => ({ op, name }));
}

function expectOnlyGamma(updated: Updated): void {
  const changed = changedResources(updated);
  expect(changed.length).toBeGreaterThan(0);
  // One command creates the directories of all projects and leaves existing ones alone, and one has all their packet rules.
  for (const { name } of changed) expect(name).toMatch(/^(gamma(-.*)?|workspaces|packet-rules)$/);
}

const gammaState = async () => (await docker.getContainer(platform.container("gamma")).inspect()).State;
const gammaPage = () => visit(port, platform.url("gamma"));

describe("editing projects.yaml", () => {
  beforeAll(async () => {
    await platform.reset();
    for (const name of ["alpha", "beta"]) await answering(platform, name);
  });

  afterAll(async () => {
    await platform.reset();
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
    const made = await callAt({ port, path: "/p/gamma" }, projectApi.createSession("from before"));
    expect(made).toMatchObject({ title: "from before" });
  });

  it("changes an entry and touches no other; workspace and sessions stay", async () => {
    const changed = { ...gamma, env: { COLOUR: "blue" }, resources: { memory: "1536MiB" } };
    expectOnlyGamma(await applyBeside([changed]));
    await answering(platform, "gamma");
    const { Config, HostConfig } = await docker.getContainer(platform.container("gamma")).inspect();
    expect(Config.Env).toContain("COLOUR=blue");
    expect(HostConfig.Memory).toBe(1536 * 2 ** 20);
    expect(readFileSync(join(platform.workspace("gamma"), "kept.txt"), "utf8")).toBe("by gamma");
    expect(await callAt({ port, path: "/p/gamma" }, projectApi.sessions(50))).toEqual([
      expect.objectContaining({ title: "from before" }),
    ]);
    expectOnlyGamma(await applyBeside([gamma]));
    await answering(platform, "gamma");
  });

  it("stops an entry, keeps its container, and reports it at its URL", async () => {
    const id = (await platform.ids())[platform.container("gamma")];
    expectOnlyGamma(await applyBeside([{ ...gamma, state: "stopped" }]));
    expect(await gammaState()).toMatchObject({ Running: false });
    expect((await platform.ids())[platform.container("gamma")]).toBe(id);
    await waitFor("the plain page", async () => {
      const { status, body } = await gammaPage();
      return status === 503 && body.includes("gamma is stopped")
        ? { done: true }
        : { seen: `${status} ${body}` };
    });
    expect((await ask({ port, path: `/p/gamma${PROTECTED_PATH}` })).status).toBe(503);
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

  it("gives one project a new password and touches no other; the old one is rejected", async () => {
    const password = async () =>
      (await execIn(platform.container("gamma"), ["cat", "/run/opencode/password"])).stdout;
    const old = await password();
    await platform.configure("opencode-platform:passwordRotation/gamma", "2");
    expectOnlyGamma(await applyBeside([gamma]));
    await answering(platform, "gamma");
    expect(await password()).not.toBe(old);
    const status = async (password: string) => {
      const url = `http://127.0.0.1:${projectApi.server.port}${PROTECTED_PATH}`;
      const args = [
        "curl",
        "-s",
        "-m",
        "20",
        "-o",
        "/dev/null",
        "-w",
        "%{http_code}",
        "-H",
        `Authorization: ${projectApi.authorization(password)}`,
        url,
      ];
      return (await execIn(platform.container("gamma"), args)).stdout;
    };
    expect(await status(old)).toBe("401");
    expect(await status(await password())).toBe("200");
  });

  it("removes an entry and touches no other; the workspace stays and is reused", async () => {
    expectOnlyGamma(await applyBeside([]));
    expect(await platform.ids()).not.toHaveProperty(platform.container("gamma"));
    await waitFor("a plain 404", async () => {
      const { status } = await gammaPage();
      return status === 404 ? { done: true } : { seen: status };
    });
    expect(existsSync(platform.path(".runtime", "routes", "gamma.yml"))).toBe(false);
    expect(readFileSync(join(platform.workspace("gamma"), "kept.txt"), "utf8")).toBe("by gamma");
    expectOnlyGamma(await applyBeside([gamma]));
    await answering(platform, "gamma");
    const content = await callAt({ port, path: "/p/gamma" }, projectApi.readFile("kept.txt"));
    expect(content).toBe("by gamma");
  });
});
