import { expect, it } from "vitest";
import { problemOf, problemResponse, toHttpProblem } from "../../../panel/server/api/problem.ts";
import { RepositoryError } from "../../../panel/server/platform/git.ts";
import { Conflict, NotFound, ShuttingDown } from "../../../panel/server/platform/types.ts";

it.each([
  [
    new Conflict("projects.yaml was changed meanwhile"),
    409,
    "projects.yaml was changed meanwhile. Review the current version",
  ],
  [new NotFound("Project shop not found"), 404, "Project shop not found."],
  [new RepositoryError("git push failed: denied"), 503, "nothing was changed. git push failed: denied."],
  [new ShuttingDown("The panel is shutting down"), 503, "shutting down. Try again when it is back."],
  [new Error("password=hush"), 500, "Internal error of the panel."],
  ["thrown text hush", 500, "Internal error of the panel."],
])("%s is answered with %d", (error, status, detail) => {
  const problem = problemOf(toHttpProblem(error), "request-1");
  expect(problem).toMatchObject({ status, instance: "request-1", detail: expect.stringContaining(detail) });
  expect(JSON.stringify(problem)).not.toContain("hush");
});

it("sends Retry-After while the panel shuts down", () => {
  expect(
    problemResponse(toHttpProblem(new ShuttingDown("It ends")), "request-1").headers.get("retry-after"),
  ).toBe("30");
});
