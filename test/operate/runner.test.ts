import {
  copyFileSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { UserError } from "../../config/errors.ts";
import { root } from "../../operate/engine/checkout.ts";
import { type EngineVerb, runEngine } from "../../operate/engine/runner.ts";
import { openSession } from "../../operate/engine/session.ts";
import { runUpdate, updateOrThrow } from "../../operate/engine/update.ts";
import type { UpdateEvent } from "../../operate/engine/update-events.ts";

const logs = vi.hoisted(() => ({ folder: "" }));
vi.mock("../../operate/engine/logs.ts", () => ({
  newLogFile: (verb: string) => `${logs.folder}/test-${verb}.log`,
  pruneLogs: () => {},
}));

const URN = "urn:pulumi:local::p::docker:index/container:Container::web-container";
const metadata = {
  op: "create",
  urn: URN,
  type: "docker:index/container:Container",
  new: { custom: true, inputs: { name: "web", envs: ["KEY=hunter2"] } },
};
const CREATED = [{ resourcePreEvent: { metadata } }, { resOutputsEvent: { metadata } }];
const LOCKED =
  "error: the stack is currently locked by 1 lock(s). Either wait for the other process(es) to end";

describe("the engine's runner", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "runner-"));
    // Neither the name nor the folder matches what the Automation API expects.
    copyFileSync(join(root, "test/support/fake-engine.mjs"), join(folder, "engine.mjs"));
    symlinkSync(join(root, "node_modules"), join(folder, "node_modules"));
    logs.folder = folder;
    vi.stubEnv("PULUMI_BIN", join(folder, "engine.mjs"));
    vi.stubEnv("FAKE_ENGINE_CALLS", join(folder, "calls"));
    writeFileSync(join(folder, "calls"), "");
  });
  afterEach(() => {
    vi.unstubAllEnvs();
    rmSync(folder, { recursive: true });
  });
  const script = (values: object) => vi.stubEnv("FAKE_ENGINE", JSON.stringify(values));
  const calls = () =>
    readFileSync(join(folder, "calls"), "utf8")
      .split("\n")
      .filter(Boolean)
      .map((line) => JSON.parse(line) as Record<string, string> & { args?: string[] });

  it("accepts a CLI at any path, with the toolchain's commands first", async () => {
    script({ events: CREATED });
    const session = openSession();
    expect(await runEngine(session, "up")).toMatchObject({ code: 0, isBusy: false });
    expect(calls()).toMatchObject([{ parallelDiff: "true", path: session.variables.PATH }]);
  });

  it.each<[EngineVerb, string[]]>([
    ["up", ["up", "--yes", "--skip-preview", "--refresh", "--continue-on-error"]],
    ["destroy", ["destroy", "--yes", "--skip-preview", "--refresh", "--continue-on-error"]],
    ["refresh", ["refresh", "--yes", "--skip-preview"]],
    ["preview", ["preview", "--refresh", "--diff"]],
  ])("runs %s with targets and exclusions", async (verb, args) => {
    script({});
    await runEngine(openSession(), verb, {
      refresh: true,
      continueOnError: true,
      diff: verb === "preview",
      targets: [URN],
      excluded: ["urn:b"],
      variables: { PROGRAM_VARIABLE: "web" },
    });
    const [call] = calls();
    expect(call?.args).toEqual(expect.arrayContaining([...args, "--target", URN, "--exclude", "urn:b"]));
    expect(call?.args).toEqual(expect.arrayContaining(["--stack", "local", "--color", "never"]));
    expect(call?.program).toBe("web");
    // Only the engine: no second run for a summary.
    expect(calls()).toHaveLength(1);
  });

  it("has no events or their secrets on disk; the output is in the log", async () => {
    script({ events: CREATED, stdout: "Resources: 1 created" });
    const logFile = join(folder, "log");
    const events: unknown[] = [];
    await runEngine(openSession(), "up", { logFile, onEvent: (event) => events.push(event) });
    expect(events).toEqual([...CREATED, { summaryEvent: { resourceChanges: {} } }]);
    expect(readFileSync(logFile, "utf8")).toBe("Resources: 1 created\n");
    const files = readdirSync(folder).filter((name) => !/^(engine\.mjs|node_modules)$/.test(name));
    for (const name of files) expect(readFileSync(join(folder, name), "utf8")).not.toContain("hunter2");
    expect(readdirSync(tmpdir()).filter((name) => name.startsWith("automation-logs"))).toEqual([]);
  });

  it.each(["v3.205.0", "nonsense"])("refuses %s, which would write its events to a file", async (version) => {
    script({ version });
    const refused = await runEngine(openSession(), "up").catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(UserError);
    expect(refused).toMatchObject({ kind: "environment", where: join(folder, "engine.mjs") });
    expect(calls()).toEqual([]);
  });

  it("reports an update's progress and changes", async () => {
    script({ events: CREATED });
    const events: UpdateEvent[] = [];
    const { outcome, changes, errors } = await runUpdate(openSession(), "up", {
      onUpdateEvent: (event) => events.push(event),
    });
    expect([outcome.state, errors]).toEqual(["succeeded", []]);
    expect(changes).toEqual([{ op: "create", what: "container web" }]);
    expect(events.map((event) => event.kind === "step" && event.data?.message)).toEqual([
      "creating container web",
      "created container web",
    ]);
  });

  it("reports a failure with the engine's errors and the log's path", async () => {
    const error = { diagnosticEvent: { severity: "error", message: "no such image", urn: URN } };
    script({ events: [...CREATED, error], code: 255, stderr: "error: update failed" });
    const failed = await updateOrThrow(openSession(), "up").catch((error: unknown) => error);
    expect(failed).toMatchObject({ kind: "engine", where: "pulumi up" });
    expect((failed as Error).message).toMatch(/failed:\nno such image\nFull log: \/.*-up\.log$/);
  });

  it("reports a failure without events with the engine's output", async () => {
    script({ code: 255, stderr: "warning: x\nerror: incorrect passphrase" });
    const { outcome, errors } = await runUpdate(openSession(), "up");
    expect(outcome).toMatchObject({ state: "failed", reason: "incorrect passphrase" });
    expect(errors).toEqual(["error: incorrect passphrase"]);
  });

  it("is busy if another process has locked the stack", async () => {
    script({ code: 255, stderr: LOCKED });
    expect((await runUpdate(openSession(), "up")).outcome).toEqual({ state: "busy", by: "Someone else" });
    await expect(updateOrThrow(openSession(), "destroy")).rejects.toMatchObject({ kind: "conflict" });
  });

  const isReady = () => vi.waitFor(() => expect(calls().at(-1)).toEqual({ isReady: true }), 20_000);

  it("signals the engine once, and waits for its end", async () => {
    script({ waits: true });
    const { signal, abort } = controller();
    const update = runUpdate(openSession(), "up", { signal });
    await isReady();
    abort();
    abort();
    expect((await update).outcome).toEqual({ state: "interrupted" });
    expect(calls().filter(({ signal }) => signal)).toEqual([{ signal: "SIGINT" }]);
  });

  it("passes on one signal even if the process's own listener aborts too", async () => {
    script({ waits: true });
    const { signal, abort } = controller();
    process.on("SIGTERM", abort);
    try {
      const update = runUpdate(openSession(), "up", { signal });
      await isReady();
      process.kill(process.pid, "SIGTERM");
      expect((await update).outcome).toEqual({ state: "interrupted" });
      expect(calls().filter(({ signal }) => signal)).toEqual([{ signal: "SIGINT" }]);
    } finally {
      process.off("SIGTERM", abort);
    }
  });

  it("is interrupted if the terminal ended the engine", async () => {
    const canceled = { diagnosticEvent: { severity: "error", message: "update canceled" } };
    script({ events: [canceled], code: 255 });
    await expect(updateOrThrow(openSession(), "up")).rejects.toThrow("pulumi up: was interrupted");
  });
});

function controller() {
  const made = new AbortController();
  return { signal: made.signal, abort: () => made.abort() };
}
