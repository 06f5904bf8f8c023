/** The client of the storage program, over either kind of Docker client. */
import { describe, expect, it } from "vitest";
import { ASK_STORAGE } from "../../../config/naming/names.ts";
import type { RunDocker } from "../../../operate/docker/containers.ts";
import { answered, makeStorage } from "../../../operate/storage/client.ts";
import { dockerOver } from "../../../panel/server/platform/docker-client.ts";
import { FakeEngine } from "../../support/panel/api-engine.ts";
import { backup, checkpoint } from "../../support/storage.ts";

const lines = (...values: unknown[]) => values.map((value) => `${JSON.stringify(value)}\n`).join("");

function answering(stdout: string, code: number | null = 0, stderr = "") {
  const asked: unknown[] = [];
  const run: RunDocker = async (args, timeoutMs, onLine) => {
    asked.push([...args, timeoutMs]);
    for (const line of stdout.split("\n")) onLine?.(line);
    return { code, stdout, stderr };
  };
  return { storage: makeStorage(run, "t-storage"), asked };
}

describe("the storage program's client", () => {
  it("asks by docker exec with JSON, over the panel's socket too", async () => {
    const { storage, asked } = answering(lines({ result: null }));
    await storage.rollback("shop", "before-7");
    await storage.fork({ from: "shop", to: { name: "try", uid: 7, gid: 8 }, withLogins: false });
    await storage.backup();
    await storage.status();
    const ask = (verb: string, argument: object) => [
      "exec",
      "t-storage",
      ASK_STORAGE,
      verb,
      JSON.stringify(argument),
    ];
    expect(asked).toEqual([
      [...ask("rollback", { project: "shop", id: "before-7" }), 0],
      [...ask("fork", { from: "shop", to: "try", uid: 7, gid: 8, withLogins: false }), 0],
      [...ask("backup", {}), 0],
      [...ask("status", {}), expect.any(Number)],
    ]);
    const engine = new FakeEngine();
    engine.answer = () => ({ code: 0, stdout: lines({ result: [checkpoint("a")] }), stderr: "" });
    expect(await makeStorage(dockerOver(engine), "t-storage").checkpoints("shop")).toEqual({
      kind: "answered",
      value: [checkpoint("a")],
    });
    expect(engine.commands).toEqual([["t-storage", ASK_STORAGE, "checkpoints", '{"project":"shop"}']]);
  });

  it("passes on how far it is, and takes the last line for the answer", async () => {
    const { storage } = answering(
      lines(
        { progress: { step: "reading\u001b[31m", percent: 41.5 } },
        { progress: { step: "writing", percent: "all" } },
        { result: [backup("shop")] },
      ),
    );
    const steps: unknown[] = [];
    expect(await storage.backup("shop", undefined, (step) => void steps.push(step))).toEqual({
      kind: "answered",
      value: [backup("shop")],
    });
    expect(steps).toEqual([{ step: "reading", percent: 41.5 }, { step: "writing" }]);
  });

  it("lists newest first, without what a newer program writes in another way", async () => {
    const old = backup("shop", { id: "old", at: "2026-11-01T00:00:00Z" });
    const { storage } = answering(
      lines({ result: [old, { id: 3 }, { ...backup("shop"), added: null, more: 1 }] }),
    );
    const { added: _, ...newest } = backup("shop");
    expect(await storage.backups("shop")).toEqual({ kind: "answered", value: [newest, old] });
  });

  it("takes a backup that says in another way whose it is for one of an earlier project", async () => {
    const { storage } = answering(
      lines({
        result: [
          backup("shop", { id: "a", isEarlier: true }),
          { ...backup("shop", { id: "b" }), isEarlier: "yes" },
          backup("shop", { id: "c" }),
        ],
      }),
    );
    const answer = await storage.backups("shop");
    expect(answer.kind === "answered" && answer.value.map(({ id, isEarlier }) => [id, isEarlier])).toEqual([
      ["a", true],
      ["b", true],
      ["c", undefined],
    ]);
  });

  it("reads why a look at the repository failed, and since when a project is to have backups", async () => {
    const since = "2026-11-30T03:00:00.000Z";
    const check = { at: since, ok: false, text: "x", kind: "full" };
    const backupStatus = (values: object) => ({
      to: "/b",
      everyMs: 1,
      projects: { a: { since } },
      ...values,
    });
    const read = async (values: object) => {
      const status = { fileSystem: "btrfs", running: [], backup: backupStatus(values) };
      const answer = await answering(lines({ result: status })).storage.status();
      return answer.kind === "answered" && answer.value.backup;
    };
    expect(await read({ check })).toEqual(backupStatus({ check }));
    expect(await read({ check: { ...check, kind: "cold" } })).toEqual(
      backupStatus({ check: { at: since, ok: false, text: "x" } }),
    );
  });

  it("says which backup is kept, by the id that it has then", async () => {
    const kept = { kind: "answered", value: { backup: backup("shop", { id: "5ac2" }) } };
    const { storage } = answering(lines({ result: { ...kept.value, until: "2026-12-30" } }));
    expect(await storage.forget("shop", 30)).toEqual(kept);
  });

  it("reads the status of a stack with and without backups", async () => {
    const status = {
      fileSystem: "zfs",
      running: "?",
      backup: { to: "/b", everyMs: 1, projects: { a: { last: 1 } } },
    };
    expect(await answering(lines({ result: status })).storage.status()).toEqual({
      kind: "answered",
      value: { fileSystem: "other", running: [], backup: { to: "/b", everyMs: 1, projects: { a: {} } } },
    });
    expect(await answering(lines({ result: { fileSystem: "btrfs", running: [] } })).storage.status()).toEqual(
      {
        kind: "answered",
        value: { fileSystem: "btrfs", running: [] },
      },
    );
  });

  it.each<[string, Parameters<typeof answering>, object]>([
    [
      "refuses",
      [lines({ progress: { step: "a" } }, { error: { what: "shop is busy", fix: "wait" } }), 1],
      { kind: "refused", reason: "shop is busy", fix: "wait" },
    ],
    ["refuses without a word", [lines({ error: { what: "" } }), 1], { kind: "refused" }],
    [
      "does not answer",
      [lines({ error: { what: "the storage program does not answer" } }), 1],
      { kind: "silent", reason: "the storage program does not answer" },
    ],
    ["does not know the verb", ["", 2, "There is no verb fork."], { kind: "missing" }],
    ["is not there", ["", 1, "Error: No such container: t-storage"], { kind: "missing" }],
    ["is of a release without it", ["", 127, "ask: no such file or directory"], { kind: "missing" }],
    ["ends in the middle", [lines({ progress: { step: "a" } }), 137], { kind: "silent" }],
    ["can't be reached any more", ["", null], { kind: "silent" }],
    ["says what nobody understands", [lines({ result: { kind: "magic" } })], { kind: "silent" }],
  ])("%s", async (_, answer, expected) => {
    const request = { from: "a", to: { name: "b", uid: 1, gid: 1 }, withLogins: true };
    expect(await answering(...answer).storage.fork(request)).toMatchObject(expected);
  });

  it("says why not, with what to do", () => {
    const refused = { kind: "refused", reason: "is busy", fix: "wait" } as const;
    expect(() => answered(refused, "shop", "npm run doctor")).toThrow("shop: is busy — wait");
    const missing = { kind: "missing", reason: "the storage program is not running" } as const;
    expect(() => answered(missing, "shop", "npm run doctor")).toThrow("npm run doctor");
  });
});
