/** The panel's API on the real engine and Docker. */
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { PLATFORM_LABEL, PROJECT_LABEL } from "../../../config/naming/names.ts";
import { type ModelStandIn, startModel } from "../../../lab/model/model.ts";
import { terminalCommand } from "../../../opencode/api/index.ts";
import type { Operation, OperationEvent } from "../../../panel/server/platform/types.ts";
import { docker, shellIn } from "../../support/docker.ts";
import { findLeaks } from "../../support/leaks.ts";
import { callAt, projectApi, RELEASE } from "../../support/opencode.ts";
import { type Listed, Panel } from "../../support/panel/panel.ts";
import { Platform } from "../../support/platform.ts";
import { answering } from "../../support/ready.ts";
import { waitFor } from "../../support/wait.ts";

const SECRET = "panel-secret-value-7f3a";

describe("the panel's API", () => {
  let panel: Panel;
  let model: ModelStandIn;

  beforeAll(async () => {
    await new Platform().reset();
    panel = await Panel.start();
    // Of other suites on the same platform.
    for (const left of [panel.platform.workspace("gamma"), panel.platform.home("gamma")])
      rmSync(left, { recursive: true, force: true });
    model = await startModel({ port: panel.platform.fixture.modelPort });
    // Comments that must be kept.
    const file = panel.platform.path("projects.yaml");
    writeFileSync(file, `# the team's projects\n${readFileSync(file, "utf8")}# the end\n`);
  });
  afterAll(async () => {
    await panel?.end();
    await model?.close();
    await panel?.platform.reset();
  });

  const changes = async () => {
    const updated = await panel.platform.update();
    expect(updated.code, updated.output.slice(-4000)).toBe(0);
    return updated.changes;
  };

  /** Number of the stack's updates so far. */
  const updates = async (): Promise<number> => {
    const { stdout } = await panel.platform.pulumi("stack", "history", "--json", "--show-secrets=false");
    return (JSON.parse(stdout) as { kind: string }[]).filter(({ kind }) => kind === "update").length;
  };

  it("lists every project with its state, URLs and usage", async () => {
    await panel.becomes("alpha", "running");
    await panel.becomes("beta", "running");
    // CPU usage needs two samples.
    const beta = await waitFor<Listed>("beta's usage", async () => {
      const found = (await panel.projects()).find(({ name }) => name === "beta");
      return found?.cpu ? { done: found } : { seen: found };
    });
    expect(beta).toMatchObject({
      url: panel.platform.url("beta"),
      attach: terminalCommand(
        { url: panel.platform.api("beta"), isBehindAccess: false },
        RELEASE,
        panel.platform.fixture.root,
      ),
      memory: { used: expect.any(Number), limit: 1024 ** 3 },
      cpu: { used: expect.any(Number), limit: 1 },
    });
    expect(beta.memory?.used).toBeGreaterThan(10 * 1024 ** 2);
    expect((await panel.projects()).map(({ name }) => name)).toEqual(["alpha", "beta"]);
  });

  it("creates a project with a secret, with progress per resource, and an update by hand changes nothing", async () => {
    const entry = { name: "gamma", secrets: ["API_KEY"], secretValues: { API_KEY: SECRET } };
    const begun = await panel.begin("POST", "/api/projects", entry);
    expect(begun).toMatchObject({ what: "create gamma", project: "gamma" });
    const events = await panel.events<OperationEvent["data"]>(`/api/operations/${begun.id}/events`, (all) =>
      all.some((data) => "state" in data && ["succeeded", "failed"].includes(data.state)),
    );
    const last = events.at(-1)?.data as Operation;
    expect(last, JSON.stringify(last)).toMatchObject({ state: "succeeded" });
    const steps = events.filter(({ event }) => event === "progress").map(({ data }) => data);
    for (const status of ["begun", "done"])
      expect(steps, JSON.stringify(events)).toContainEqual(
        expect.objectContaining({ op: "create", name: "gamma-container", status }),
      );
    const { text, names } = panel.file();
    expect(names).toEqual(["alpha", "beta", "gamma"]);
    expect(text).toMatch(/^# the team's projects\n/);
    expect(text).toContain("# the end");
    expect(
      (await shellIn(panel.platform.container("gamma"), "cat /run/opencode/secrets/API_KEY")).output,
    ).toContain(SECRET);
    await panel.becomes("gamma", "running");
    expect(await changes()).toEqual([]);
  });

  it("keeps the secret out of responses, logs, projects.yaml and the stack's file", async () => {
    const { body } = await panel.ask<object>("GET", "/api/projects");
    const { body: operations } = await panel.ask<object>("GET", "/api/operations");
    const notes = panel.platform.path(".runtime", "panel", "audit.jsonl");
    const places = [
      { where: "the list", text: JSON.stringify(body) },
      { where: "operations", text: JSON.stringify(operations) },
      { where: "the panel's output", text: panel.said },
      { where: "the audit log", text: readFileSync(notes, "utf8") },
      { where: "projects.yaml", text: panel.file().text },
      { where: "the stack's file", text: readFileSync(panel.platform.path("Pulumi.local.yaml"), "utf8") },
    ];
    expect(findLeaks({ SECRET }, places)).toEqual([]);
    expect(statSync(notes).mode & 0o777).toBe(0o600);
    expect(readFileSync(notes, "utf8")).toMatch(/"create".*"gamma"/);
  });

  it("refuses an invalid entry with the messages of projects.yaml's check, and changes nothing", async () => {
    const before = panel.file().text;
    const wrong = { name: "Gamma Two", resources: { memory: "lots" } };
    const { status, headers, body } = await panel.ask<{ errors: { path: string; message: string }[] }>(
      "POST",
      "/api/projects",
      wrong,
    );
    expect([status, headers.get("content-type")]).toEqual([
      422,
      expect.stringMatching(/^application\/problem\+json/),
    ]);
    expect(body.errors).toEqual([
      expect.objectContaining({
        path: "name",
        message: expect.stringContaining("is not a valid project name"),
      }),
      expect.objectContaining({
        path: "resources.memory",
        message: expect.stringContaining("is not a size"),
      }),
    ]);
    expect(panel.file().text).toBe(before);
  });

  it("answers 409 for a stale version, and keeps an edit by hand", async () => {
    const { headers } = await panel.ask("GET", "/api/projects");
    const etag = headers.get("etag") ?? "";
    writeFileSync(panel.platform.path("projects.yaml"), `${panel.file().text}# by hand\n`);
    const stale = { "if-match": etag };
    const { status, body } = await panel.ask("PATCH", "/api/projects/gamma", { env: { A: "1" } }, stale);
    expect([status, body]).toEqual([
      409,
      expect.objectContaining({ changedBy: "an edit outside the panel" }),
    ]);
    expect(panel.file().text).toContain("# by hand");
  });

  it("changes an entry", async () => {
    const ended = await panel.carryOut("PATCH", "/api/projects/gamma", { env: { GREETING: "hello" } });
    expect(ended.state, ended.error).toBe("succeeded");
    expect((await shellIn(panel.platform.container("gamma"), "echo $GREETING")).output).toContain("hello");
    expect(panel.file().text).toContain("# by hand");
  });

  it("stops and starts at once, and records it", async () => {
    const stopped = await panel.begin("POST", "/api/projects/gamma/stop");
    // The container has stopped before the response, independent of the update.
    expect((await docker.getContainer(panel.platform.container("gamma")).inspect()).State.Running).toBe(
      false,
    );
    expect(panel.file().text).toContain("state: stopped");
    expect((await panel.ended(stopped.id)).state).toBe("succeeded");
    await panel.becomes("gamma", "stopped");
    expect(await changes()).toEqual([]);
    expect((await panel.carryOut("POST", "/api/projects/gamma/start")).state).toBe("succeeded");
    await panel.becomes("gamma", "running");
    expect(panel.file().text).not.toContain("state: stopped");
    expect(await changes()).toEqual([]);
  });

  it("returns the last lines of a log, and follows it", async () => {
    const { body } = await panel.ask<{ lines: { text: string; at: string; stream: string }[] }>(
      "GET",
      "/api/projects/gamma/logs?lines=50",
    );
    expect(body.lines.map(({ text }) => text).join("\n")).toContain("[workspace]");
    const path = "/api/projects/gamma/logs?lines=1&follow=1";
    const mark = "a line of a moment ago";
    const followed = panel.events<{ text: string }>(path, (lines) =>
      lines.some(({ text }) => text.includes(mark)),
    );
    await shellIn(panel.platform.container("gamma"), `echo '${mark}' > /proc/1/fd/1`);
    expect((await followed).at(-1)?.data.text).toContain(mark);
  });

  it("shows when a project was last used, from opencode's sessions", async () => {
    const { port } = panel.platform.fixture;
    await callAt({ port, path: "/p/gamma" }, projectApi.createSession());
    const seen = await waitFor<string>(
      "the last activity",
      async () => {
        const found = (await panel.projects()).find(({ name }) => name === "gamma");
        return found?.lastActivity ? { done: found.lastActivity } : { seen: JSON.stringify(found) };
      },
      { within: 120_000 },
    );
    expect(Math.abs(Date.now() - Date.parse(seen))).toBeLessThan(10 * 60_000);
  });

  it("reports the health of the platform's parts", async () => {
    const { status, body } = await panel.ask<{ status: string; parts: { name: string; state: string }[] }>(
      "GET",
      "/api/health",
    );
    expect([status, body.status], JSON.stringify(body)).toEqual([200, "ok"]);
    expect(body.parts.length).toBeGreaterThan(1);
  });

  it("serves its OpenAPI description", async () => {
    const { body } = await panel.ask<{ openapi: string; paths: object }>("GET", "/api/openapi.json");
    expect(body.openapi).toMatch(/^3\.1/);
    expect(Object.keys(body.paths)).toEqual(
      expect.arrayContaining(["/api/projects", "/api/projects/{name}/logs", "/api/health"]),
    );
  });

  it("refuses other sites and a second panel", async () => {
    const foreign = { origin: "http://evil.example" };
    expect((await panel.ask("POST", "/api/projects/gamma/stop", undefined, foreign)).status).toBe(403);
    const own = {
      origin: `http://gamma.localhost:${panel.platform.fixture.port}`,
      "sec-fetch-site": "same-site",
    };
    expect((await panel.ask("POST", "/api/projects/gamma/stop", undefined, own)).status).toBe(403);
    const second = await panel.platform.npm("run", "--silent", "panel");
    expect(second.code).not.toBe(0);
    expect(second.output).toMatch(/panel: already running in this checkout/);
  });

  it("gives a new project under an old name what was left behind if asked to, and nothing otherwise", async () => {
    const { platform } = panel;
    const { port } = platform.fixture;
    const planted = () => [
      existsSync(join(platform.workspace("gamma"), "planted")),
      existsSync(join(platform.home("gamma"), ".config", "planted")),
    ];
    const sessions = async () => (await callAt({ port, path: "/p/gamma" }, projectApi.sessions(50))).length;
    const plant =
      "echo x > /workspace/planted; mkdir -p ~/.config; echo x > ~/.config/planted; ln -s / ~/root";
    expect((await shellIn(platform.container("gamma"), plant)).code).toBe(0);
    const recreate = async (leftover: "keep" | "anew") => {
      expect((await panel.carryOut("DELETE", "/api/projects/gamma")).state).toBe("succeeded");
      const refused = await panel.ask<{ leftover?: { bytes: number } }>("POST", "/api/projects", {
        name: "gamma",
      });
      expect([refused.status, refused.body.leftover]).toEqual([
        409,
        { choices: ["keep", "anew"], bytes: expect.any(Number), lastUsed: expect.any(String) },
      ]);
      expect(refused.body.leftover?.bytes).toBeLessThan(2 ** 30);
      const made = await panel.carryOut("POST", "/api/projects", { name: "gamma", leftover });
      expect(made.state, made.error).toBe("succeeded");
      await answering(platform, "gamma");
    };
    await recreate("keep");
    expect([planted(), await sessions()]).toEqual([[true, true], 1]);
    await recreate("anew");
    expect([planted(), await sessions()]).toEqual([[false, false], 0]);

    const running = await platform.script("reset-home", "gamma", "--yes");
    expect([running.code, running.output]).toEqual([
      1,
      expect.stringContaining("gamma: is running, and writes to its home — stop it first"),
    ]);
    const listed = await platform.script("purge");
    const [aside = ""] = /gamma\.removed-\d{8}T\d{6}Z/.exec(listed.output) ?? [];
    expect(readFileSync(join(platform.home(aside), ".config", "planted"), "utf8")).toBe("x\n");
    const purged = await platform.script("purge", aside, "--yes");
    expect([purged.code, existsSync(platform.home(aside)), existsSync(platform.workspace(aside))]).toEqual([
      0,
      false,
      false,
    ]);
  });

  it("deletes a project with its workspace only if confirmed by name", async () => {
    expect((await panel.ask("DELETE", "/api/projects/gamma?workspace=delete&confirm=gama")).status).toBe(422);
    const ended = await panel.carryOut("DELETE", "/api/projects/gamma?workspace=delete&confirm=gamma");
    expect(ended.state, ended.error).toBe("succeeded");
    expect(existsSync(panel.platform.workspace("gamma"))).toBe(false);
    expect(panel.file().names).toEqual(["alpha", "beta"]);
    expect(await changes()).toEqual([]);
  });

  it("deletes the leftover workspace of a project without an entry", async () => {
    mkdirSync(join(panel.platform.workspace("gamma"), "src"), { recursive: true });
    const path = "/api/projects/gamma?workspace=delete";
    expect((await panel.ask("DELETE", path)).status).toBe(422);
    const { Image } = await docker.getContainer(panel.platform.container("alpha")).inspect();
    const Labels = { [PLATFORM_LABEL]: panel.platform.names.prefix, [PROJECT_LABEL]: "gamma" };
    const user = await docker.createContainer({ name: panel.platform.container("gamma"), Image, Labels });
    expect(await panel.carryOut("DELETE", `${path}&confirm=gamma`)).toMatchObject({
      state: "failed",
      error: expect.stringContaining("is still used by the container"),
    });
    expect(existsSync(panel.platform.workspace("gamma"))).toBe(true);
    await user.remove();
    const ended = await panel.carryOut("DELETE", `${path}&confirm=gamma`);
    expect(ended.state, ended.error).toBe("succeeded");
    expect(existsSync(panel.platform.workspace("gamma"))).toBe(false);
    expect((await panel.ask("DELETE", `${path}&confirm=gamma`)).status).toBe(404);
  });

  it("creates 20 projects from 20 concurrent requests, in one consistent file", async () => {
    const names = Array.from({ length: 20 }, (_, index) => `many-${index + 1}`);
    const file = panel.platform.path("projects.yaml");
    writeFileSync(file, `limits: { maxProjects: 40 }\n${readFileSync(file, "utf8")}`);
    const before = await updates();
    const begun = await Promise.all(
      names.map((name) => panel.begin("POST", "/api/projects", { name, state: "stopped" })),
    );
    const ended = await Promise.all(begun.map(({ id }) => panel.ended(id)));
    expect(ended.filter(({ state }) => state !== "succeeded")).toEqual([]);
    // One for the first request and one for those during it; more on a slow machine.
    expect((await updates()) - before).toBeLessThan(10);
    expect(panel.file().names.toSorted()).toEqual(["alpha", "beta", ...names].toSorted());
    const listed = await panel.projects();
    expect(listed.filter(({ name, state }) => names.includes(name) && state === "stopped")).toHaveLength(20);
    expect(await changes()).toEqual([]);
  });

  it("recovers after kill -9 during an update, without leftover locks or partial files", async () => {
    const begun = await panel.begin("POST", "/api/projects", { name: "omega" });
    await panel.events<OperationEvent["data"]>(`/api/operations/${begun.id}/events`, (all) =>
      all.some((data) => "name" in data && data.name === "omega-container"),
    );
    await panel.end("SIGKILL");
    expect(panel.file().names).toContain("omega");
    await panel.run();
    const interrupted = await panel.ended(begun.id);
    expect(["interrupted", "succeeded"]).toContain(interrupted.state);
    await panel.becomes("omega", "running");
    const { body } = await panel.ask<{ operations: Operation[] }>("GET", "/api/operations");
    for (const { id } of body.operations) await panel.ended(id);
    expect(await changes()).toEqual([]);
  });
});
