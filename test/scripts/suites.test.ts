import { mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { expect, it } from "vitest";
import {
  EVERY,
  readRun,
  reportFile,
  SUITES,
  sharedPlatform,
  summaryLines,
} from "../../scripts/lib/suites.ts";

const ok = { suite: "unit", code: 0, ms: 61_000, passed: 3, failed: 0, failures: [] } as const;

it("lets the suites of a run share a platform, which the last one removes", () => {
  const shared = Object.fromEntries(EVERY.map((suite) => [suite, sharedPlatform(suite, EVERY, "file")]));
  expect(shared).toEqual({
    unit: {},
    local: { E2E_KEEP: "file" },
    security: { E2E_KEEP: "file" },
    opencode: { E2E_KEEP: "file" },
    workspace: { E2E_KEEP: "file" },
    sleep: { E2E_KEEP: "file" },
    lifecycle: { E2E_KEEP: "file" },
    attach: { E2E_KEEP: "file" },
    panel: { E2E_KEEP: "file", E2E_LAST: "true" },
    production: {},
  });
  for (const suite of SUITES) expect(sharedPlatform(suite, [suite], "file")).toEqual({});
});

it("summarizes failures with their places, and counts all tests", () => {
  const failures = Array.from({ length: 8 }, (_, index) => `test/x.test.ts: test ${index}: expected 1`);
  const lines = summaryLines([ok, { ...ok, suite: "local", code: 1, failed: 8, failures }]);
  expect(lines.slice(-10)).toEqual([
    "unit: ok, 3 passed, 0 failed, 1m01s",
    "local: FAILED, 3 passed, 8 failed, 1m01s",
    ...failures.slice(0, 6).map((failure) => `FAILED ${failure}`),
    "… and 2 more",
    "6 passed, 8 failed",
  ]);
});

it("reads a failure's place and first line from the report", () => {
  const file = reportFile("nightly");
  mkdirSync(dirname(file), { recursive: true });
  const testResults = [
    {
      name: "/elsewhere/a.test.ts",
      assertionResults: [
        { status: "failed", fullName: "a b", failureMessages: ["Error: no\n    at x"] },
        { status: "passed", fullName: "a c" },
      ],
    },
    { name: "/elsewhere/b.test.ts", message: "SyntaxError: }", assertionResults: [] },
  ];
  writeFileSync(file, JSON.stringify({ numPassedTests: 1, numFailedTests: 1, testResults }));
  expect(readRun("nightly", 1, 5)).toMatchObject({
    passed: 1,
    failures: ["/elsewhere/a.test.ts: a b: Error: no", "/elsewhere/b.test.ts: SyntaxError: }"],
  });
  expect(readRun("nightly", 1, 5).failures).toEqual(["nightly: ended with 1, no report"]);
});
