import { expect, it, vi } from "vitest";
import { PLATFORM_LABEL, PROJECT_LABEL } from "../../../config/naming/names.ts";
import type { FailedUpgrade } from "../../../operate/opencode/upgrades.ts";
import { makeApplyChange } from "../../../panel/server/platform/change.ts";
import { makeReleases, type Releases } from "../../../panel/server/platform/releases.ts";
import {
  Conflict,
  type Operation,
  type OperationEvent,
  type OperationRequest,
} from "../../../panel/server/platform/types.ts";
import { FakeEngine, line } from "../../support/panel/api-engine.ts";
import {
  add,
  ended,
  FakeUpdate,
  journal,
  open,
  person,
  secrets,
  states,
  succeed,
  useCoreWorld,
  world,
} from "../../support/panel/core-world.ts";

useCoreWorld();

const [OLD, NEW, OTHER] = ["1.18.33", "2.0.18", "1.18.30"];
const WENT_BACK = `a went back to opencode ${OLD}, with its sessions as they were: no room for a copy.`;

interface Followed {
  readonly project: string;
  notify(line: string): void;
  end(failed?: FailedUpgrade): void;
}

/** Changes of releases that go on until the test ends them. */
class FakeReleases implements Releases {
  readonly followed: Followed[] = [];

  of(project: string): string | undefined {
    const entries = world.file.read().entries as { name: string; opencode?: { version?: string } }[];
    return entries.find(({ name }) => name === project)?.opencode?.version ?? OLD;
  }
  follow(project: string, notify: (line: string) => void, signal: AbortSignal) {
    const { promise, resolve, reject } = Promise.withResolvers<FailedUpgrade | undefined>();
    signal.addEventListener("abort", () => reject(signal.reason));
    this.followed.push({ project, notify, end: resolve });
    return promise;
  }
  async nth(count: number): Promise<Followed> {
    await vi.waitFor(() => expect(this.followed).toHaveLength(count));
    return this.followed.at(-1) as Followed;
  }
}

const upgrade = (name: string, version = NEW): OperationRequest => ({
  person,
  what: `change ${name}`,
  project: name,
  edit: { kind: "change", name, values: { opencode: { model: "a/b", version } } },
});
const failure = { project: "a", from: OLD, reason: "no room for a copy" };
const messages = (events: readonly OperationEvent[]) =>
  events.flatMap((event) => (event.event === "message" ? [event.data.text] : []));

/** A queue with the project `a`, and what it follows. */
async function begin(update = succeed, apply = makeApplyChange({ file: world.file, secrets: secrets() })) {
  const releases = new FakeReleases();
  const queue = open(update, apply, releases);
  await ended(queue, (await queue.submit(add("a"))).id);
  return { queue, releases };
}

it("an operation goes on until the project has changed its release, with a message for each step", async () => {
  const { queue, releases } = await begin();
  const { id } = await queue.submit(upgrade("a"));
  const followed = await releases.nth(1);
  followed.notify("a: migrating, 412 of 1300 sessions");
  expect(queue.get(id)?.state).toBe("running");
  // Others don't wait for it.
  const other = await queue.submit(add("b"));
  expect(states(await ended(queue, other.id)).at(-1)).toBe("succeeded");
  followed.end();
  const events = await ended(queue, id);
  expect(states(events)).toEqual(["queued", "running", "succeeded"]);
  expect(messages(events)).toEqual(["a: migrating, 412 of 1300 sessions"]);
});

it.each<[string, OperationRequest["edit"]]>([
  [
    "of another key",
    { kind: "change", name: "a", values: { branch: "x", repo: "https://example.com/a.git" } },
  ],
  [
    "of opencode that keeps the release",
    { kind: "change", name: "a", values: { opencode: { model: "a/b" } } },
  ],
  ["that is none", undefined],
])("an edit %s is not followed", async (_, edit) => {
  const { queue, releases } = await begin();
  const { id } = await queue.submit({ person, what: "change a", project: "a", ...(edit ? { edit } : {}) });
  expect(states(await ended(queue, id)).at(-1)).toBe("succeeded");
  expect(releases.followed).toEqual([]);
});

it("a failed change is undone in projects.yaml and by an update of that project alone", async () => {
  const update = new FakeUpdate();
  const releases = new FakeReleases();
  const queue = open(update.run, undefined, releases);
  await queue.submit(add("a"));
  (await update.nth(1)).end({ state: "succeeded" });
  const { id } = await queue.submit(upgrade("a"));
  (await update.nth(2)).end({ state: "succeeded" });
  (await releases.nth(1)).end(failure);
  const back = await update.nth(3);
  expect(back.project).toBe("a");
  expect(world.file.read().entries).toEqual([{ name: "a", opencode: { model: "a/b", version: OLD } }]);
  expect(queue.get(id)?.state).toBe("running");
  back.end({ state: "succeeded" });
  await ended(queue, id);
  expect(queue.get(id)).toMatchObject({
    state: "failed",
    error: `${WENT_BACK} Its entry in projects.yaml says so now.`,
  });
  expect(queue.list()[0]).toMatchObject({
    what: `take a back to opencode ${OLD}`,
    person: "panel",
    state: "succeeded",
  });
  // Nor is that change followed.
  expect(releases.followed).toHaveLength(1);
});

it("says so if going back fails: the edit, or the update", async () => {
  const before = `a could not change to opencode ${NEW}: no room for a copy. Going back to opencode ${OLD} failed: `;
  const changes = makeApplyChange({ file: world.file, secrets: secrets() });
  const { queue, releases } = await begin(succeed, (request) =>
    request.edit?.kind === "release" ? Promise.reject(new Conflict("a was changed")) : changes(request),
  );
  const { id } = await queue.submit(upgrade("a"));
  (await releases.nth(1)).end(failure);
  await ended(queue, id);
  expect(queue.get(id)).toMatchObject({ state: "failed", error: `${before}a was changed` });

  const failing = open(
    async (_, __, project) =>
      releases.of(project ?? "") === OLD
        ? { state: "failed", reason: "no", failureOf: () => "no engine" }
        : { state: "succeeded" },
    changes,
    releases,
  );
  const again = await failing.submit(upgrade("a", OTHER));
  (await releases.nth(2)).end(failure);
  await ended(failing, again.id);
  expect(failing.get(again.id)?.error).toContain("failed: no engine");
});

it("a project that is started is followed, which may have been given another release while it was stopped", async () => {
  const { queue, releases } = await begin();
  const turn = (state: "running" | "stopped") =>
    queue.submit({
      person,
      what: `${state} a`,
      project: "a",
      edit: { kind: "change", name: "a", values: { state } },
    });
  await ended(queue, (await turn("stopped")).id);
  expect(releases.followed).toEqual([]);
  const { id } = await turn("running");
  (await releases.nth(1)).end();
  await ended(queue, id);
  expect(queue.get(id)?.state).toBe("succeeded");
});

it("an entry that was changed meanwhile is left alone", async () => {
  const { queue, releases } = await begin();
  const { id } = await queue.submit(upgrade("a"));
  const followed = await releases.nth(1);
  await queue.submit(upgrade("a", OTHER));
  followed.end(failure);
  await ended(queue, id);
  expect(queue.get(id)?.error).toBe(
    `a could not change to opencode ${NEW}: no room for a copy. Its entry was changed meanwhile.`,
  );
  expect(releases.of("a")).toBe(OTHER);
  (await releases.nth(2)).end();
});

it("a shutdown does not wait for a migration, which the next start follows", async () => {
  const { queue, releases } = await begin();
  const { id } = await queue.submit(upgrade("a"));
  await releases.nth(1);
  await queue.close();
  expect(queue.get(id)?.state).toBe("interrupted");
  const after = open(succeed, undefined, releases);
  await after.recover();
  (await releases.nth(2)).end(failure);
  const recovery = after.list().find(({ what }) => what.startsWith("recover")) as Operation;
  await ended(after, recovery.id);
  expect(after.get(recovery.id)?.error).toContain(WENT_BACK);
  expect(releases.of("a")).toBe(OLD);
  expect(JSON.stringify(after.list())).not.toContain("follows");
  expect(JSON.stringify(journal())).toContain("follows");
});

it("a shutdown while a project is taken back leaves that to the next start", async () => {
  const update = new FakeUpdate();
  const releases = new FakeReleases();
  const queue = open(update.run, undefined, releases);
  await queue.submit(add("a"));
  (await update.nth(1)).end({ state: "succeeded" });
  const { id } = await queue.submit(upgrade("a"));
  (await update.nth(2)).end({ state: "succeeded" });
  (await releases.nth(1)).end(failure);
  await update.nth(3);
  await queue.close();
  expect(queue.get(id)?.state).toBe("interrupted");
  expect(releases.of("a")).toBe(OLD);
});

it("a container is followed over the panel's socket, from its start on", async () => {
  const engine = new FakeEngine();
  const asked: unknown[] = [];
  engine.ids = async (...of) => {
    asked.push(of);
    return ["1"];
  };
  const container = (Status: string, output = "") =>
    engine.inspections.set("1", {
      Id: "1",
      Name: "/papi-project-a",
      Config: { Labels: { [PLATFORM_LABEL]: "papi", [PROJECT_LABEL]: "a" } },
      State: { Status: "running", Health: { Status, Log: [{ Output: output }] } },
    } as never);
  const log = (...texts: string[]) =>
    engine.past.set(
      "papi-project-a",
      texts.map((text) => line(text)),
    );
  const lines: string[] = [];
  container("starting");
  log("[workspace] kept");
  const followed = makeReleases(engine, "papi", () => NEW).follow(
    "a",
    (text) => {
      lines.push(text);
      log("[upgrade] upgrade from 1.18.33 failed: no room for a copy");
    },
    new AbortController().signal,
  );
  await vi.waitFor(() => expect(asked.length).toBeGreaterThan(0));
  log("[upgrade] upgrading from 1.18.33");
  expect(await followed).toEqual(failure);
  expect(lines).toEqual(["a: upgrading from 1.18.33"]);
  expect(asked[0]).toEqual(["papi", "a"]);
});

it("a container is no longer looked at after a shutdown", async () => {
  const stop = new AbortController();
  stop.abort();
  const followed = makeReleases(new FakeEngine(), "papi", () => NEW).follow("a", () => {}, stop.signal);
  await expect(followed).rejects.toThrow("aborted");
});
