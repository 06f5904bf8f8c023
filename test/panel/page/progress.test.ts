import { describe, expect, it } from "vitest";
import type { Operation, Progress } from "../../../panel/page/model.ts";
import {
  changedBy,
  emptyTimeline,
  SHOWN_AFTER_END,
  shareOf,
  visibleOperations,
  withMessage,
  withProgress,
} from "../../../panel/page/progress.ts";

const operation = (values: Partial<Operation> = {}): Operation => ({
  id: "1",
  what: "create a",
  person: "dev@example.com",
  state: "running",
  createdAt: "2026-01-01T00:00:00Z",
  done: 0,
  ...values,
});
const step = (urn: string, status: Progress["status"], op = "create"): Progress => ({
  op,
  type: "docker:index/container:Container",
  name: "a",
  urn,
  status,
});

describe("the progress of an update", () => {
  it("counts each step once, even if repeated", () => {
    let course = emptyTimeline(operation({ total: 3 }));
    for (const event of [step("a", "begun"), step("a", "done"), step("b", "begun"), step("a", "done")]) {
      course = withProgress(course, event);
    }
    expect([...course.steps.values()].map(({ status }) => status)).toEqual(["done", "begun"]);
    expect(shareOf(course)).toEqual({ value: 1, max: 3, text: "1 of 3" });
  });

  it("is the greater of count and steps, at most the total", () => {
    const course = withProgress(emptyTimeline(operation({ total: 3, done: 2 })), step("a", "done"));
    expect(shareOf(course).value).toBe(2);
    expect(shareOf(emptyTimeline(operation({ total: 3, done: 9 })))).toMatchObject({ value: 3, max: 3 });
  });

  it("has no maximum while the total is unknown", () =>
    expect(shareOf(emptyTimeline(operation()))).toEqual({ value: 0, max: undefined, text: "" }));

  it("is complete after a success", () =>
    expect(shareOf(emptyTimeline(operation({ state: "succeeded", total: 1, done: 0 })))).toEqual({
      value: 1,
      max: 1,
      text: "1 resource",
    }));

  it("does not count unchanged resources", () =>
    expect(shareOf(withProgress(emptyTimeline(operation()), step("a", "done", "same"))).text).toBe(""));

  it("keeps the engine's messages in order", () => {
    const course = ["one", "two"].reduce(
      (so, text) => withMessage(so, { severity: "info", text }),
      emptyTimeline(operation()),
    );
    expect(course.messages.map(({ text }) => text)).toEqual(["one", "two"]);
  });
});

describe("the operations shown", () => {
  const now = Date.parse("2026-01-01T01:00:00Z");
  const ended = (id: string, ago: number) =>
    operation({ id, state: "failed", endedAt: new Date(now - ago).toISOString() });

  it("are queued, running or recently ended, except dismissed ones", () => {
    const all = [
      ended("old", SHOWN_AFTER_END.failed + 1),
      ended("away", 1000),
      ended("fresh", 1000),
      operation({ id: "queued", state: "queued", createdAt: "2026-01-01T00:30:00Z" }),
    ];
    expect(visibleOperations(all, now, new Set(["away", "queued"])).map(({ id }) => id)).toEqual([
      "queued",
      "fresh",
    ]);
  });
});

it("shows few successes, for a short time", () => {
  const now = Date.parse("2026-01-01T01:00:00Z");
  const ended = (id: string, state: Operation["state"], seconds: number) => {
    const at = new Date(now - seconds * 1000).toISOString();
    return operation({ id, state, createdAt: at, endedAt: at });
  };
  const many = [1, 2, 3, 4, 5].map((second) => ended(`well-${second}`, "succeeded", second));
  const all = [...many, ended("long-well", "succeeded", 90), ended("failed", "failed", 300)];
  expect(visibleOperations(all, now, new Set()).map(({ id }) => id)).toEqual([
    "well-1",
    "well-2",
    "well-3",
    "failed",
  ]);
});

it("finds who changed a project since a time", () => {
  const at = (createdAt: string, person: string, project = "a") => operation({ createdAt, person, project });
  const all = [
    at("2026-01-01T00:00:01Z", "before@example.com"),
    at("2026-01-01T00:00:05Z", "dev@example.com"),
    at("2026-01-01T00:00:09Z", "other@example.com", "b"),
  ];
  expect(changedBy(all, "a", Date.parse("2026-01-01T00:00:03Z"))).toBe("dev@example.com");
  expect(changedBy(all, "a", Date.parse("2026-01-01T00:00:06Z"))).toBeUndefined();
});
