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

describe("how far an update is", () => {
  it("counts each step once, however often it is told", () => {
    let course = emptyTimeline(operation({ total: 3 }));
    for (const event of [step("a", "begun"), step("a", "done"), step("b", "begun"), step("a", "done")]) {
      course = withProgress(course, event);
    }
    expect([...course.steps.values()].map(({ status }) => status)).toEqual(["done", "begun"]);
    expect(shareOf(course)).toEqual({ value: 1, max: 3, text: "1 of 3" });
  });

  it("believes whichever knows of more, and never passes the total", () => {
    const course = withProgress(emptyTimeline(operation({ total: 3, done: 2 })), step("a", "done"));
    expect(shareOf(course).value).toBe(2);
    expect(shareOf(emptyTimeline(operation({ total: 3, done: 9 })))).toMatchObject({ value: 3, max: 3 });
  });

  it("has no end while the total is not known", () =>
    expect(shareOf(emptyTimeline(operation()))).toEqual({ value: 0, max: undefined, text: "" }));

  it("is whole when it succeeded", () =>
    expect(shareOf(emptyTimeline(operation({ state: "succeeded", total: 1, done: 0 })))).toEqual({
      value: 1,
      max: 1,
      text: "1 resource",
    }));

  it("does not count what is left as it is", () =>
    expect(shareOf(withProgress(emptyTimeline(operation()), step("a", "done", "same"))).text).toBe(""));

  it("keeps the engine's messages in their order", () => {
    const course = ["one", "two"].reduce(
      (so, text) => withMessage(so, { severity: "info", text }),
      emptyTimeline(operation()),
    );
    expect(course.messages.map(({ text }) => text)).toEqual(["one", "two"]);
  });
});

describe("which updates are shown", () => {
  const now = Date.parse("2026-01-01T01:00:00Z");
  const ended = (id: string, ago: number) =>
    operation({ id, state: "failed", endedAt: new Date(now - ago).toISOString() });

  it("are those under way, and those that ended a short while ago, less those put away", () => {
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

it("soon forgets what went well, and shows few of them", () => {
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

it("knows who changed a project since the form was opened", () => {
  const at = (createdAt: string, person: string, project = "a") => operation({ createdAt, person, project });
  const all = [
    at("2026-01-01T00:00:01Z", "before@example.com"),
    at("2026-01-01T00:00:05Z", "dev@example.com"),
    at("2026-01-01T00:00:09Z", "other@example.com", "b"),
  ];
  expect(changedBy(all, "a", Date.parse("2026-01-01T00:00:03Z"))).toBe("dev@example.com");
  expect(changedBy(all, "a", Date.parse("2026-01-01T00:00:06Z"))).toBeUndefined();
});
