import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { estimateSteps } from "../../../operate/engine/update.ts";
import { joinErrors, makeRedactor } from "../../../operate/engine/update-errors.ts";
import { UpdateProgress } from "../../../operate/engine/update-progress.ts";
import { keylessStore, pulumiStore, StackSecrets } from "../../../panel/server/platform/secrets.ts";

const STACK = "urn:pulumi:local::p::pulumi:pulumi:Stack::p-local";
const projectUrn = (name: string) => `urn:pulumi:local::p::opencode:platform:Project::${name}`;
const CONTAINER = "docker:index/container:Container";
const urnOf = (project: string) =>
  `urn:pulumi:local::p::opencode:platform:Project$${CONTAINER}::${project}-container`;
const metadata = (project: string, op: string) => ({
  metadata: {
    op,
    urn: urnOf(project),
    type: CONTAINER,
    [op === "delete" ? "old" : "new"]: {
      custom: true,
      parent: projectUrn(project),
      inputs: { name: `x-${project}` },
    },
  },
});
const begin = (project: string, op = "create") => ({ resourcePreEvent: metadata(project, op) });
const end = (project: string, op = "create") => ({ resOutputsEvent: metadata(project, op) });
const fail = (project: string, op = "create") => ({ resOpFailedEvent: metadata(project, op) });
const error = (message: string, urn = "") => ({ diagnosticEvent: { severity: "error", message, urn } });

const run = (...events: object[]) => {
  const progress = new UpdateProgress(4);
  return { progress, applied: events.flatMap((event) => progress.apply(event)) };
};
const failure = (events: object[], project?: string, isRemoval = false) => {
  const outcome = run(...events).progress.outcome("said", (text) => text);
  return outcome.state === "failed" ? outcome.failureOf(project, isRemoval) : "did not fail";
};

describe("the events of an update", () => {
  it("are reported per step; unchanged resources are only counted", () => {
    const events = run(begin("a"), begin("b", "same"), end("b", "same"), end("a"), fail("c")).applied;
    expect(events).toMatchObject([
      {
        count: { done: 0, total: 4 },
        data: { status: "begun", name: "a-container", message: "creating container x-a" },
      },
      { count: { done: 0 } },
      { count: { done: 1 } },
      {
        count: { done: 2 },
        data: { status: "done", op: "create", urn: urnOf("a"), message: "created container x-a" },
      },
      { count: { done: 3 } },
    ]);
    expect(events[1]).not.toHaveProperty("data");
  });

  it("increase the total if there are more steps than expected", () => {
    const events = run(...["a", "b", "c", "d", "e"].map((name) => begin(name))).applied;
    expect(events.at(-1)).toMatchObject({ count: { total: 5 } });
  });

  it("are ignored if unknown", () => {
    expect(run({}, { summaryEvent: {} }, { resourcePreEvent: 7 }, error("update failed")).applied).toEqual(
      [],
    );
  });

  it("report messages but not errors, which are part of the outcome", () => {
    const info = { diagnosticEvent: { severity: "info", message: "<{%fg 1%}>Step 3/9<{%reset%}>" } };
    expect(run(info, error("no")).applied).toEqual([
      { kind: "message", data: { severity: "info", text: "Step 3/9" } },
    ]);
  });
});

describe("a failed update", () => {
  const events = [
    begin("good"),
    begin("bad"),
    end("good"),
    fail("bad"),
    error("1 error occurred:\n\t* the name is taken\n\n", urnOf("bad")),
    error(
      "error serializing property: resource bad-container [docker:index/container:Container] failed to register",
    ),
    error("update failed", STACK),
  ];

  it("fails projects whose resources failed, and no finished ones", () => {
    expect(failure(events, "bad")).toBe("the name is taken");
    expect(failure(events, "good")).toBeUndefined();
  });

  it("fails projects that it did not reach, including removals", () => {
    const before = "The update failed before reaching this project: the name is taken";
    expect(failure(events, "late")).toBe(before);
    expect(failure(events, "gone", true)).toBe(before);
    expect(
      failure([...events, begin("gone", "delete"), end("gone", "delete")], "gone", true),
    ).toBeUndefined();
    expect(failure([...events, end("late", "refresh")], "late")).toBe(before);
  });

  it("fails all projects if a shared resource failed", () => {
    expect(failure([...events, error("no image", STACK)], "good")).toContain("no image");
    expect(failure([], "good")).toBe("said");
    expect(failure(events)).toBe("the name is taken");
  });
});

describe("an update's messages", () => {
  it("are one line, without secrets, temporary files or the checkout's path", () => {
    const redact = makeRedactor("/srv/checkout", "/tmp", () => ["s3cret", "ab"]);
    const text = joinErrors([
      "error: cannot read /tmp/x-1/y.json: s3cret\n   at f (a.js:1)",
      "/srv/checkout/projects.yaml: ab",
    ]);
    expect(redact(text)).toBe("cannot read a temporary file: [secret]; projects.yaml: ab");
  });
});

describe("the number of expected steps", () => {
  const resource = (urn: string, type: string, id?: string) => ({
    urn,
    type,
    inputs: {},
    outputs: {},
    isProtected: false,
    isDoomed: false,
    ...(id ? { id } : {}),
  });
  it("is twice the resources, plus an average project's for each new entry", () => {
    const resources = [
      resource(STACK, "pulumi:pulumi:Stack"),
      resource("urn::::docker:index/network:Network::network", "docker:index/network:Network", "n"),
      resource(projectUrn("a"), "opencode:platform:Project"),
      ...["container", "route", "password"].map((name) =>
        resource(`urn:::opencode:platform:Project$x::a-${name}`, "x", name),
      ),
    ];
    expect(estimateSteps({ resources, pending: [] }, 1)).toBe(8);
    expect(estimateSteps({ resources, pending: [] }, 3)).toBe(14);
    expect(estimateSteps(undefined, 2)).toBe(6);
  });
});

describe("secrets of a project", () => {
  let root: string;
  let calls: { args: readonly string[]; input: string | undefined }[];
  const path = () => join(root, "Pulumi.local.yaml");
  const open = (code = 0) =>
    new StackSecrets(
      root,
      "local",
      pulumiStore(async (args, input) => {
        calls.push({ args, input });
        writeFileSync(path(), `${readFileSync(path(), "utf8")}# ${calls.length}\n`);
        return { code, stdout: "", stderr: "error: the passphrase is wrong" };
      }),
    );
  const TEXT =
    "config:\n  secrets:a/X:\n    secure: v1:x\n  secrets:a/Y:\n    secure: v1:y\n  secrets:ab/X:\n    secure: v1:z\n  secrets:X:\n    secure: v1:s\n";
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), "panel-core-"));
    calls = [];
    writeFileSync(path(), TEXT);
  });
  afterEach(() => rmSync(root, { recursive: true }));

  it("are passed to the CLI on standard input, not as arguments", async () => {
    await open().set("a", { X: "va lue\n", Y: "" });
    expect(calls).toEqual([
      { args: ["config", "set", "--secret", "secrets:a/X"], input: "va lue\n\n" },
      { args: ["config", "set", "--secret", "secrets:a/Y"], input: "\n" },
    ]);
  });

  it("are removed with their project, except shared ones", async () => {
    await open().remove("a");
    expect(calls.map(({ args }) => args)).toEqual([["config", "rm-all", "secrets:a/X", "secrets:a/Y"]]);
    await open().remove("none");
    expect(calls).toHaveLength(1);
  });

  it("can't be set without the stack's key, but are removed, and nothing else of the file", async () => {
    const keyless = new StackSecrets(root, "prod", keylessStore(path(), "prod"));
    writeFileSync(join(root, "Pulumi.prod.yaml"), "");
    await expect(keyless.set("a", { X: "value-that-is-nowhere" })).rejects.toThrow(
      /secrets:a\/X: can't be set here: .*config set --secret secrets:a\/X --stack prod/,
    );
    const text = `# ours\n${TEXT}`;
    writeFileSync(path(), text);
    await new StackSecrets(root, "local", keylessStore(path(), "local")).remove("a");
    expect(readFileSync(path(), "utf8")).toBe(text.replace(/ {2}secrets:a\/.:\n.*\n/g, ""));
  });

  it("are restored unless others have changed the file", async () => {
    const secrets = open();
    const undo = secrets.snapshot();
    await secrets.set("a", { Z: "1" });
    undo();
    expect(readFileSync(path(), "utf8")).toBe(TEXT);
    const late = secrets.snapshot();
    await secrets.set("a", { Z: "1" });
    writeFileSync(path(), "config: {}\n");
    late();
    expect(readFileSync(path(), "utf8")).toBe("config: {}\n");
  });

  it("are refused with invalid names, and report the CLI's error", async () => {
    await expect(open().set("A b", { X: "1" })).rejects.toThrow("is not a project's name");
    await expect(open().set("a", { "X Y": "1" })).rejects.toThrow("is not a variable's name");
    expect(calls).toEqual([]);
    await expect(open(255).set("a", { X: "s3cret" })).rejects.toThrow(
      "could not be stored: the passphrase is wrong",
    );
  });
});
