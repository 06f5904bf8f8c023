/** `panel.apply: ci`: the panel pushes a commit, and an operation ends when the running platform says that it has it. */
import { writeFileSync } from "node:fs";
import { describe, expect, it, vi } from "vitest";
import type { OperationQueue } from "../../../panel/server/platform/operations.ts";
import { pipelinesPage, readApplied, waitForPipeline } from "../../../panel/server/platform/pipeline.ts";
import type { OperationEvent } from "../../../panel/server/platform/types.ts";
import { at, endOf, git, openBranch, start, useBranchWorld } from "../../support/panel/branch-world.ts";
import { add, states } from "../../support/panel/core-world.ts";

useBranchWorld();

const PAGE = "https://github.com/acme/platform/actions";
const open = (patienceMs = 60_000): OperationQueue =>
  openBranch((repository) => ({
    update: waitForPipeline({ repository, file: at("applied.json"), page: PAGE, intervalMs: 5, patienceMs }),
    isElsewhere: true,
  }));
/** What an update leaves. */
const apply = (commit: string, deployKeys = {}) =>
  writeFileSync(at("applied.json"), `${JSON.stringify({ commit, deployKeys })}\n`);
const newest = async () => (await git("origin.git", "rev-parse", "main")).trim();
const isWaiting = (queue: OperationQueue, id: string) =>
  vi.waitFor(() => expect(queue.get(id)?.state).toBe("running"));

describe("an operation that a pipeline applies", () => {
  it("waits for its commit, not for an older one, and tells where the pipeline is", async () => {
    apply(await newest());
    const queue = open();
    const { id } = await queue.submit(add("web"));
    const commit = await newest();
    const events: OperationEvent[] = [];
    const heard = (async () => {
      for await (const event of queue.events(id)) events.push(event);
    })();
    await vi.waitFor(() =>
      expect(events).toContainEqual(
        expect.objectContaining({
          event: "message",
          data: {
            severity: "info",
            text: `Waiting for the pipeline to apply ${commit.slice(0, 8)}: ${PAGE}`,
          },
        }),
      ),
    );
    expect(queue.get(id)?.state).toBe("running");
    apply(commit);
    await heard;
    expect(states(events).at(-1)).toBe("succeeded");
  });

  it("ends with a later commit too, once the checkout has it", async () => {
    const queue = open();
    const operation = await queue.submit(add("web"));
    await isWaiting(queue, operation.id);
    await git("lead", "pull", "--quiet", "origin", "main");
    await git("lead", "commit", "--quiet", "--allow-empty", "-m", "Something else");
    await git("lead", "push", "--quiet", "origin", "main");
    apply(await newest());
    await queue.catchUp();
    expect(await endOf(queue, operation)).toMatchObject({ state: "succeeded" });
  });

  it("ends at once if it changes nothing of what is applied", async () => {
    apply(await newest());
    const queue = open();
    expect(await endOf(queue, await queue.submit(start))).toMatchObject({ state: "succeeded" });
  });

  it("is waited for again by a panel that the pipeline itself has replaced", async () => {
    const before = open();
    const { id } = await before.submit(add("web"));
    await isWaiting(before, id);
    await before.close();
    apply(await newest());
    const after = open();
    await after.recover();
    expect(await endOf(after, (await vi.waitFor(() => after.get(id))) as never)).toMatchObject({
      state: "succeeded",
    });
    expect(after.list()).toHaveLength(1);
  });

  it("fails after hours without it, with what to look at", async () => {
    const queue = open(0);
    const end = await endOf(queue, await queue.submit(add("web")));
    expect(end).toMatchObject({ state: "failed", error: expect.stringContaining(PAGE) });
    expect(end?.error).toContain("The change is on the branch");
  });
});

describe("what an update has left", () => {
  it("is read with deploy keys, and is nothing where it is not whole", () => {
    const commit = "a".repeat(40);
    expect(readApplied(at("applied.json"))).toBeUndefined();
    apply(commit, { web: "ssh-ed25519 AAAA" });
    expect(readApplied(at("applied.json"))).toEqual({ commit, deployKeys: { web: "ssh-ed25519 AAAA" } });
    for (const text of [
      "",
      "{",
      "[]",
      '{"commit":"--upload-pack=x"}',
      `{"commit":"${commit}","deployKeys":[1]}`,
    ]) {
      writeFileSync(at("applied.json"), text);
      expect(readApplied(at("applied.json")), text).toBeUndefined();
    }
  });
});

it.each([
  [
    "git@github.com:acme/platform.git",
    "main",
    "https://github.com/acme/platform/actions?query=branch%3Amain",
  ],
  [
    "ssh://git@gitlab.example.com:2222/team/sub/platform.git",
    "a/b",
    "https://gitlab.example.com/team/sub/platform/-/pipelines?ref=a%2Fb",
  ],
  ["git@gitlab.com:acme/platform", "main", "https://gitlab.com/acme/platform/-/pipelines?ref=main"],
  ["git@git.example.com:acme/platform.git", "main", undefined],
  ["origin", "main", undefined],
])("the page of the pipelines of %s is known by its host", (remote, branch, page) => {
  expect(pipelinesPage(remote, branch)).toBe(page);
});
