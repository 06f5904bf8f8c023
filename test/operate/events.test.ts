import { closeSync, mkdtempSync, openSync, readdirSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { summary } from "../../operate/engine/deploy.ts";
import { applyEvent, did, doing, eventReader, noProgress, plain } from "../../operate/engine/events.ts";
import { parseProjects } from "../../operate/engine/outputs.ts";
import { table } from "../../scripts/lib/table.ts";

const URN = "urn:pulumi:local::p::docker:index/container:Container::web-container";

function metadata(op: string, type = "docker:index/container:Container", custom = true) {
  return { metadata: { op, urn: URN, type, new: { custom, inputs: { name: "opencode-project-web" } } } };
}

describe("the progress of an update", () => {
  it("names what is being done and what is done", () => {
    const begun = applyEvent(noProgress, { resourcePreEvent: metadata("create") });
    expect([...begun.running.values()].map(doing)).toEqual(["creating container opencode-project-web"]);
    const ended = applyEvent(begun, { resOutputsEvent: metadata("create") });
    expect(ended.running.size).toBe(0);
    expect(ended.done.map(did)).toEqual(["created container opencode-project-web"]);
    expect(summary(ended, 2400)).toBe("1 created (2 s)");
  });

  it("is silent about what stays as it is, and about components and providers", () => {
    const events = [
      metadata("same"),
      metadata("refresh"),
      metadata("create", "opencode:platform:Project", false),
    ];
    const all = events.map((event) => ({ resourcePreEvent: event }));
    expect(
      [...all, { resourcePreEvent: metadata("create", "pulumi:providers:docker") }].reduce(
        applyEvent,
        noProgress,
      ),
    ).toEqual(noProgress);
    expect(summary(noProgress, 900)).toBe("Nothing to change (1 s)");
  });

  it("keeps errors without the engine's marks for colours, and counts no failure as done", () => {
    const events = [
      { resourcePreEvent: metadata("update") },
      { resOpFailedEvent: metadata("update") },
      { diagnosticEvent: { severity: "error", message: "<{%fg 1%}>no such image<{%reset%}>\n" } },
    ];
    const { errors, done, running } = events.reduce(applyEvent, noProgress);
    expect({ errors, done, running: running.size }).toEqual({
      errors: ["no such image"],
      done: [],
      running: 0,
    });
    expect(plain("<{%reset%}>a<{%bold%}>b")).toBe("ab");
  });

  it("survives what it does not know", () => {
    for (const event of [undefined, null, 1, [], {}, { resourcePreEvent: 1 }, { diagnosticEvent: {} }]) {
      expect(applyEvent(noProgress, event)).toEqual(noProgress);
    }
  });

  it("is read from a log that grows, line by line, and whose name is gone at once", () => {
    const folder = mkdtempSync(join(tmpdir(), "events-"));
    const file = join(folder, "log");
    const read = eventReader(file);
    expect(read()).toEqual([]);
    const engine = openSync(file, "w");
    writeSync(engine, '{"a":1}\n{"b":');
    expect(read()).toEqual([{ a: 1 }]);
    expect(readdirSync(folder)).toEqual([]);
    writeSync(engine, '"ü"}\nnot json\n');
    expect(read()).toEqual([{ b: "ü" }]);
    expect(read()).toEqual([]);
    closeSync(engine);
    rmSync(folder, { recursive: true });
  });
});

describe("what is shown at the end", () => {
  it("is a table whose columns line up", () => {
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
