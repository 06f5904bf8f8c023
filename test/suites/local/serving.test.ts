import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { networkInterfaces } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { OPENCODE } from "../../../config/versions.ts";
import { terminalCommand } from "../../../opencode/api/index.ts";
import { health, shellIn } from "../../support/docker.ts";
import { ask } from "../../support/http.ts";
import { callAt, projectApi, RELEASE } from "../../support/opencode.ts";
import { Platform } from "../../support/platform.ts";
import { answering } from "../../support/ready.ts";

const platform = new Platform();
const { port } = platform.fixture;

describe("a clean clone after npm start", () => {
  beforeAll(async () => {
    await platform.reset();
    for (const name of ["alpha", "beta"]) await answering(platform, name);
    for (const name of ["alpha", "beta"]) {
      writeFileSync(join(platform.workspace(name), "whose.txt"), `the file of ${name}`);
    }
  });

  afterAll(() => {
    for (const name of ["alpha", "beta"])
      rmSync(join(platform.workspace(name), "whose.txt"), { force: true });
  });

  it("ends with a table of projects, states, URLs and attach commands", () => {
    const said = platform.fixture.firstStart;
    expect(said).toMatch(/PROJECT\s+STATE/);
    for (const name of ["alpha", "beta"]) {
      const row = said.split("\n").find((line) => line.startsWith(name));
      expect(row).toContain("running");
      expect(row).toContain(platform.url(name));
      expect(row).toContain(
        terminalCommand({ url: platform.api(name), isBehindAccess: false }, OPENCODE, platform.fixture.root),
      );
    }
  });

  for (const name of ["alpha", "beta"]) {
    it(`serves ${name} at its hostname, from ${name}'s own workspace`, async () => {
      const host = `${name}.localhost:${port}`;
      expect(await callAt({ port, host }, projectApi.health)).toEqual({ version: RELEASE });
      expect(await callAt({ port, host }, projectApi.readFile("whose.txt"))).toBe(`the file of ${name}`);
    });

    it(`serves ${name} under its path, with the prefix removed`, async () => {
      const at = { port, path: `/p/${name}` };
      expect(await callAt(at, projectApi.health)).toEqual({ version: RELEASE });
      expect(await callAt(at, projectApi.directory)).toBe("/workspace");
    });
  }

  it("has alpha's repository in its workspace, on the host and in opencode", async () => {
    expect(readFileSync(`${platform.workspace("alpha")}/src/main.ts`, "utf8")).toBe(
      "export const answer = 42;\n",
    );
    expect(await callAt({ port, path: "/p/alpha" }, projectApi.listFiles("src"))).toEqual(["main.ts"]);
    expect((await health(platform.container("alpha"))).line).toMatch(/^serving; workspace: (cloned|kept)/);
  });

  it("has an empty git repository in beta's workspace", async () => {
    expect(existsSync(`${platform.workspace("beta")}/.git`)).toBe(true);
    const { code } = await shellIn(platform.container("beta"), "git -C /workspace status");
    expect(code).toBe(0);
  });

  it("identifies itself at /ping", async () => {
    const { status, headers } = await ask({ port, path: "/ping" });
    expect(status).toBe(200);
    expect(headers["x-opencode-platform"]).toBe(platform.fixture.prefix);
  });

  it("responds to an unknown hostname with a plain 404", async () => {
    const { status, body } = await ask({
      port,
      host: `nobody.localhost:${port}`,
      headers: { accept: "text/html" },
    });
    expect(status).toBe(404);
    expect(body).toContain("There is no such project");
  });

  it("listens on loopback only", async () => {
    expect(await connects("127.0.0.1", port)).toBe(true);
    const addresses = Object.values(networkInterfaces()).flat();
    const outside = addresses.flatMap((at) =>
      at && !at.internal && at.family === "IPv4" ? [at.address] : [],
    );
    expect(outside).not.toEqual([]);
    for (const address of outside) expect([address, await connects(address, port)]).toEqual([address, false]);
  });

  it("changes nothing when npm start runs again", async () => {
    const before = await platform.ids();
    const { code, output } = await platform.npm("start");
    expect(code, output).toBe(0);
    expect(output).toContain("No changes");
    expect(await platform.ids()).toEqual(before);
  });

  it("accepts a valid projects.yaml, and stops at an invalid one before deploying anything", async () => {
    const before = await platform.ids();
    platform.write([...platform.baseline(), { name: "gamma", resources: { memory: "4 bananas" } }]);
    for (const attempt of [await platform.npm("start"), await platform.update()]) {
      expect(attempt.code).not.toBe(0);
      expect(attempt.output).toMatch(
        /projects\.yaml:\d+:\d+ projects\[2\]\.resources\.memory: "4 bananas" is not a size/,
      );
      expect(attempt.output).not.toMatch(/\n\s+at .+:\d+:\d+/);
    }
    platform.write(platform.baseline());
    expect((await platform.script("check")).code).toBe(0);
    expect(await platform.ids()).toEqual(before);
  });
});

function connects(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    socket.once("connect", () => resolve(true));
    socket.once("error", () => resolve(false));
    socket.once("connect", () => socket.destroy());
  });
}
