import { expect, it } from "vitest";
import { problemOf, problemResponse, toHttpProblem } from "../../../panel/server/api/problem.ts";
import { RepositoryError } from "../../../panel/server/platform/git.ts";
import { Conflict, NotFound, ShuttingDown } from "../../../panel/server/platform/types.ts";

it.each([
  [
    new Conflict("projects.yaml was changed meanwhile"),
    409,
    "projects.yaml was changed meanwhile. Look at it as it is now",
  ],
  [new NotFound("There is no entry shop"), 404, "There is no entry shop."],
  [
    new RepositoryError("git push did not succeed: denied"),
    503,
    "nothing is changed. git push did not succeed: denied.",
  ],
  [
    new ShuttingDown("The panel is being ended, and takes nothing more"),
    503,
    "takes nothing more. Ask again when it is back.",
  ],
  [new Error("password=hush"), 500, "Something went wrong in the panel."],
  ["thrown text hush", 500, "Something went wrong in the panel."],
])("%s is told as %d", (error, status, detail) => {
  const problem = problemOf(toHttpProblem(error), "request-1");
  expect(problem).toMatchObject({ status, instance: "request-1", detail: expect.stringContaining(detail) });
  expect(JSON.stringify(problem)).not.toContain("hush");
});

it("says when a panel that is being ended can be asked again", () => {
  expect(
    problemResponse(toHttpProblem(new ShuttingDown("It ends")), "request-1").headers.get("retry-after"),
  ).toBe("30");
});
