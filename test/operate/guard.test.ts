import { expect, it } from "vitest";
import { makeNames } from "../../config/naming/names.ts";
import { guardProblem } from "../../operate/docker/guard.ts";

const problem = (answer: { code: number; stdout?: string; stderr?: string }) => {
  const asked: (readonly string[])[] = [];
  const run = async (args: readonly string[]) => {
    asked.push(args);
    return { stdout: "", stderr: "", ...answer };
  };
  return guardProblem(run, makeNames("t")).then((found) => {
    expect(asked).toEqual([["exec", "t-guard", "/usr/local/lib/opencode-platform/guard", "check"]]);
    return found;
  });
};

it("npm start learns why packet rules are not in force, from the guard or from Docker", async () => {
  expect(await problem({ code: 0, stdout: "packet rules in force\n" })).toBeUndefined();
  expect(await problem({ code: 1, stdout: "failed: no packet rules: Operation not permitted\n" })).toBe(
    "no packet rules: Operation not permitted",
  );
  expect(await problem({ code: 1, stderr: "No such container: t-guard\n" })).toBe(
    "No such container: t-guard",
  );
  expect(await problem({ code: 126 })).toBe("no reason given");
});
