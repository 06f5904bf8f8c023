import { describe, expect, it } from "vitest";
import { changeOf, pastTense, presentTense, summary } from "../../operate/engine/changes.ts";
import { plain, readEvent } from "../../operate/engine/events.ts";
import { parseProjects } from "../../operate/engine/outputs.ts";
import { UpdateProgress } from "../../operate/engine/update-progress.ts";
import { UpdateView } from "../../scripts/lib/progress.ts";
import { table } from "../../scripts/lib/table.ts";

const URN = "urn:pulumi:local::p::docker:index/container:Container::web-container";

function metadata(op: string, type = "docker:index/container:Container", custom = true) {
  return { metadata: { op, urn: URN, type, new: { custom, inputs: { name: "opencode-project-web" } } } };
}

function follow(events: readonly unknown[]) {
  const progress = new UpdateProgress();
  const view = new UpdateView("up");
  for (const event of events) for (const each of progress.apply(event)) view.apply(each);
  return { progress, view };
}

describe("the progress of an update", () => {
  it("names running and completed steps", () => {
    const started = follow([{ resourcePreEvent: metadata("create") }]);
    expect(started.view.details()).toBe("creating container opencode-project-web");
    expect(started.view.headline(61_000)).toBe("Deploying: 0 done, 1 in progress … 1m01s");
    const { progress, view } = follow([
      { resourcePreEvent: metadata("create") },
      { resOutputsEvent: metadata("create") },
    ]);
    expect([view.details(), view.headline(2000)]).toEqual(["", "Deploying: 1 done, 0 in progress … 2 s"]);
    expect(progress.changes.map(pastTense)).toEqual(["created container opencode-project-web"]);
    expect(progress.changes.map(presentTense)).toEqual(["creating container opencode-project-web"]);
    expect(summary(progress.changes, 2400)).toBe("1 created (2 s)");
  });

  it("shows nothing that a terminal obeys of a container's log in a message", () => {
    const message = "<{%reset%}>its log: \u001b]52;c;cm0=\u0007\u001b[31mno\u202e<{%reset%}>";
    const said = { diagnosticEvent: { severity: "info", message, urn: URN } };
    expect(follow([{ resourcePreEvent: metadata("create") }, said]).view.details()).toMatch(/\nits log: no$/);
  });

  it("shows a resource's last message, until it is done", () => {
    const build = { diagnosticEvent: { severity: "info", message: "Step 1/3\nStep 2/3", urn: URN } };
    const events = [{ resourcePreEvent: metadata("create") }, build];
    expect(follow(events).view.details()).toBe("creating container opencode-project-web\nStep 2/3");
    expect(follow([...events, { resOutputsEvent: metadata("create") }]).view.details()).toBe("");
  });

  it.each([
    ["its error", true],
    ["the build's output alone", false],
  ])("says why an entry's image is refused, from %s, and which projects wait for it", (_title, isInError) => {
    const urn = (name: string) =>
      `urn:pulumi:local::p::opencode:platform:Image$docker:index/image:Image::${name}`;
    const sentence = "alpine:3 has no glibc, which opencode needs: use another";
    const image = urn("image-environment-0a1b2c3d");
    const said = (severity: string, message: string) => ({
      diagnosticEvent: { severity, message, urn: image },
    });
    const output = `Step 9/40 : RUN x\nopencode-platform: ${sentence}\nThe command 'x' returned a non-zero code: 1`;
    const project =
      "urn:pulumi:local::p::opencode:platform:Project$docker:index/container:Container::web-container";
    const done = {
      resOutputsEvent: {
        metadata: {
          ...metadata("same").metadata,
          urn: project,
          new: { custom: true, inputs: {}, parent: "urn:pulumi:local::p::opencode:platform:Project::web" },
        },
      },
    };
    const { progress } = follow([
      done,
      ...(isInError ? [] : [said("info", output)]),
      {
        resOpFailedEvent: {
          metadata: { ...metadata("create", "docker:index/image:Image").metadata, urn: image },
        },
      },
      said("error", isInError ? `can't build image:\n${output}` : "exit code: 1"),
    ]);
    expect(progress.errors).toEqual([sentence]);
    const outcome = progress.outcome("", (text) => text);
    if (outcome.state !== "failed") throw new Error(outcome.state);
    expect([outcome.failureOf("web", false), outcome.failureOf("api", false)]).toEqual([
      undefined,
      `The update failed before reaching this project: ${sentence}`,
    ]);
  });

  it("does not take a project's service for the project", () => {
    const of = (name: string, op: string) => ({
      resOutputsEvent: {
        metadata: {
          ...metadata(op).metadata,
          urn: `urn:pulumi:local::p::opencode:platform:Project$docker:index/container:Container::${name}`,
          new: { custom: true, inputs: {}, parent: "urn:pulumi:local::p::opencode:platform:Project::web" },
          old: { custom: true, inputs: {}, parent: "urn:pulumi:local::p::opencode:platform:Project::web" },
        },
      },
    });
    const image =
      "urn:pulumi:local::p::opencode:platform:Image$docker:index/image:Image::image-environment-0a1b2c3d";
    const failed = { diagnosticEvent: { severity: "error", message: "no such image", urn: image } };
    const failure = (name: string, op: string, isRemoved: boolean) => {
      const outcome = follow([of(name, op), failed]).progress.outcome("", (text) => text);
      if (outcome.state !== "failed") throw new Error(outcome.state);
      return outcome.failureOf("web", isRemoved);
    };
    expect(failure("web-container", "same", false)).toBeUndefined();
    expect(failure("web.db", "same", false)).toContain("no such image");
    expect(failure("web-container", "delete", true)).toBeUndefined();
    expect(failure("web.db", "delete", true)).toContain("no such image");
  });

  it("skips unchanged resources, components and providers", () => {
    const events = [
      metadata("same"),
      metadata("refresh"),
      metadata("create", "opencode:platform:Project", false),
      metadata("create", "pulumi:providers:docker"),
    ];
    const { progress, view } = follow(
      events.flatMap((event) => [{ resourcePreEvent: event }, { resOutputsEvent: event }]),
    );
    expect([progress.changes, view.details(), view.headline(0)]).toEqual([[], "", "Comparing … 0 s"]);
    expect(summary(progress.changes, 900)).toBe("No changes (1 s)");
  });

  it("keeps errors without the engine's colour codes, and counts no failure as done", () => {
    const { progress, view } = follow([
      { resourcePreEvent: metadata("update") },
      { resOpFailedEvent: metadata("update") },
      { diagnosticEvent: { severity: "error", message: "<{%fg 1%}>no such image<{%reset%}>\n" } },
    ]);
    expect([progress.errors, progress.changes, view.details()]).toEqual([["no such image"], [], ""]);
    expect(plain("<{%reset%}>a<{%bold%}>b")).toBe("ab");
  });

  it("was canceled if the engine reports only that", () => {
    const canceled = { diagnosticEvent: { severity: "error", message: "update canceled" } };
    expect(follow([canceled]).progress.isCanceled).toBe(true);
    expect(follow([]).progress.isCanceled).toBe(false);
    const failed = { diagnosticEvent: { severity: "error", message: "no such image" } };
    expect(follow([failed, canceled]).progress.isCanceled).toBe(false);
  });

  it("ignores unknown events", () => {
    const unknown = [undefined, null, 1, [], {}, { resourcePreEvent: 1 }, { diagnosticEvent: {} }];
    expect(unknown.map(readEvent)).toEqual(unknown.map(() => undefined));
    expect(follow(unknown).progress.errors).toEqual([]);
  });
});

describe("an event", () => {
  it("has names and paths, but no property values", () => {
    const read = readEvent({
      resourcePreEvent: {
        metadata: {
          op: "update",
          urn: URN,
          type: "docker:index/container:Container",
          old: { custom: true, parent: "p", inputs: { name: "a", envs: ["KEY=hunter2"] } },
          new: { custom: true, inputs: { name: "a", envs: ["KEY=hunter3"] }, outputs: { x: "hunter4" } },
          detailedDiff: { "envs[0]": { kind: "update" } },
        },
      },
    });
    expect(JSON.stringify(read)).not.toContain("hunter");
    expect(read).toEqual({
      kind: "step",
      status: "started",
      op: "update",
      urn: URN,
      type: "docker:index/container:Container",
      name: "a",
      parent: "p",
      isCustom: true,
      properties: ["envs[0]"],
    });
    expect(read?.kind === "step" && changeOf(read)).toEqual({ op: "update", what: "container a" });
  });
});

describe("the final table", () => {
  it("has aligned columns", () => {
    expect(
      table(
        ["A", "LONG"],
        [
          ["x-y", "1"],
          ["z", ""],
        ],
      ),
    ).toEqual(["A    LONG", "x-y  1", "z"]);
  });

  it("lists the projects by name", () => {
    const project = { url: "u", attach: "t", container: "c", state: "running" };
    expect(parseProjects({ projects: { b: project, a: project } }).map(({ name }) => name)).toEqual([
      "a",
      "b",
    ]);
    expect(parseProjects({})).toEqual([]);
  });
});
