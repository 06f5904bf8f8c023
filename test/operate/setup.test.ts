/** How a project's setup is run once more, through the Docker client of either kind. */
import { expect, it } from "vitest";
import type { RunDocker } from "../../operate/docker/containers.ts";
import { followSetup, readSetupOutput, requestSetup } from "../../operate/docker/setup.ts";
import { dockerOver } from "../../panel/server/platform/docker-client.ts";
import { FakeEngine } from "../support/panel/api-engine.ts";

const SCRIPT = "/usr/local/lib/opencode-platform/setup";
const answering = (
  answer: { code: number | null; stdout?: string; stderr?: string },
  lines: string[] = [],
) => {
  const asked: unknown[] = [];
  const run: RunDocker = async (args, timeoutMs, onLine) => {
    asked.push([args, timeoutMs]);
    for (const line of lines) onLine?.(line);
    return { stdout: "", stderr: "", ...answer };
  };
  return { run, asked };
};

it("reads the last lines of a run, as plain text, or none", async () => {
  const { run, asked } = answering({ code: 0, stdout: "npm ci\n\u001b[31mno\u001b[0m\n" });
  expect(await readSetupOutput(run, "oc-project-shop")).toEqual(["npm ci", "no"]);
  expect(asked).toEqual([
    [["exec", "oc-project-shop", "tail", "-n", "20", expect.stringMatching(/setup\.log$/)], undefined],
  ]);
  expect(await readSetupOutput(answering({ code: 1, stdout: "x" }).run, "oc-project-shop")).toEqual([]);
});

it("asks for a run, and gets its number", async () => {
  const { run, asked } = answering({ code: 0, stdout: "3\n" });
  expect(await requestSetup(run, "shop", "oc-project-shop")).toBe(3);
  expect(asked).toEqual([[["exec", "oc-project-shop", SCRIPT, "request"], undefined]]);
});

it.each([
  ["setup: it is running already\n", "shop: its setup can't be run: it is running already"],
  [
    "Error response from daemon: container 4f is not running\n",
    "shop: is not running, so its setup can't be run — start the project first",
  ],
  ["container stopped/paused", "shop: is not running, so its setup can't be run — start the project first"],
  [
    "Error response from daemon: No such container: oc-project-shop\n",
    "shop: is not running, so its setup can't be run — start the project first",
  ],
  ["exec: no such \u001b[31mfile\n", "shop: its setup can't be run: exec: no such file"],
  ["", "shop: its setup can't be run: no reason given"],
])("says in one sentence why it can't: %j", async (stderr, message) => {
  const { run } = answering({ code: 1, stderr });
  await expect(requestSetup(run, "shop", "oc-project-shop")).rejects.toThrow(message);
});

it("follows a run for as long as it takes, in plain text, to its exit code", async () => {
  const lines: string[] = [];
  const { run, asked } = answering({ code: 7 }, ["\u001b[32madded\u001b[0m", "\u001b]0;title\u0007done"]);
  const code = await followSetup(run, "shop", "oc-project-shop", 3, (line) => lines.push(line));
  expect([code, lines]).toEqual([7, ["added", "done"]]);
  expect(asked).toEqual([[["exec", "oc-project-shop", SCRIPT, "follow", "3"], 0]]);
});

it("says so when nobody can follow", async () => {
  const follow = (answer: Parameters<typeof answering>[0]) =>
    followSetup(answering(answer).run, "shop", "oc-project-shop", 3, () => {});
  await expect(follow({ code: null })).rejects.toThrow("its setup goes on");
  await expect(follow({ code: 1, stderr: "setup: nothing in the container runs it\n" })).rejects.toThrow(
    "shop: its setup can't be run: nothing in the container runs it",
  );
});

it("is asked for over the panel's socket", async () => {
  const engine = new FakeEngine();
  engine.answer = () => ({ code: 0, stdout: "2\n", stderr: "" });
  expect(await requestSetup(dockerOver(engine), "shop", "oc-project-shop")).toBe(2);
  expect(engine.commands).toEqual([["oc-project-shop", SCRIPT, "request"]]);
});
